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

/** Records which statement is ending the driver, before the driver has ended. */
final class Culprit extends SparkListener implements Runnable {

  private final File note;

  private Culprit(File note) {
    this.note = note;
  }

  /** Writes note when a statement calls System.exit or stops the context, from now on. */
  static void watch(SparkContext context, String note) {
    Culprit culprit = new Culprit(new File(note));
    Runtime.getRuntime().addShutdownHook(new Thread(culprit, "culprit"));
    context.addSparkListener(culprit);
  }

  /** The shutdown hook: the caller of exit waits for it. */
  public void run() {
    // Several threads may wait in exit; the first one runs the hooks.
    accuse("java.lang.ApplicationShutdownHooks", "runHooks", "called System.exit");
  }

  /** The caller of stop waits for the listeners. */
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
