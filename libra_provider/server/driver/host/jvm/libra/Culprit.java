package libra;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Iterator;
import java.util.Map;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;

/** Writes down which statement it is that ends the driver, while that statement still does. */
final class Culprit extends SparkListener implements Runnable {

  private final File note;

  private Culprit(File note) {
    this.note = note;
  }

  /** From now on note is written when a statement calls System.exit or stops the context. */
  static void watch(SparkContext context, String note) {
    Culprit culprit = new Culprit(new File(note));
    Runtime.getRuntime().addShutdownHook(new Thread(culprit, "culprit"));
    context.addSparkListener(culprit);
  }

  /** The shutdown hook: who called exit waits until it is done. */
  public void run() {
    // Other threads may be waiting in exit as well; the hooks are run by the first one.
    accuse("java.lang.ApplicationShutdownHooks", "runHooks", "called System.exit");
  }

  /** Who called stop waits until the listeners know. */
  public void onApplicationEnd(SparkListenerApplicationEnd end) {
    accuse("org.apache.spark.SparkContext", "stop", "stopped the SparkContext");
  }

  private synchronized void accuse(String type, String method, String deed) {
    String statement = statementIn(type, method);
    if (statement == null || note.exists()) {
      return;
    }
    try {
      String sentence = "statement " + statement + " " + deed;
      Files.write(note.toPath(), sentence.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      e.printStackTrace();
    }
  }

  private static String statementIn(String type, String method) {
    Iterator<?> all = Thread.getAllStackTraces().entrySet().iterator();
    while (all.hasNext()) {
      Map.Entry<?, ?> each = (Map.Entry<?, ?>) all.next();
      String statement = StatementThreads.statementOf((Thread) each.getKey());
      if (statement != null && isIn((StackTraceElement[]) each.getValue(), type, method)) {
        return statement;
      }
    }
    return null;
  }

  private static boolean isIn(StackTraceElement[] frames, String type, String method) {
    for (int i = 0; i < frames.length; i++) {
      if (frames[i].getClassName().equals(type) && frames[i].getMethodName().equals(method)) {
        return true;
      }
    }
    return false;
  }
}
