package libra;

import java.io.File;
import java.io.IOException;
import java.net.URLClassLoader;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.classic.SparkSession;

/** One run of a main class on its own thread, in the JVM of the shared driver. */
public final class MainRun implements Runnable {

  private static final long CANCEL_EVERY = 200;
  private static final long INTERRUPT_EVERY = 1000;
  private static final long LATE_JOBS = 10_000;

  private final SparkSession from;
  private final SparkContext context;
  private final String statement;
  private final String jar;
  private final String mainClass;
  private final String[] args;
  private final StatementThreads threads;
  private final Thread thread;
  private final CountDownLatch over = new CountDownLatch(1);
  private Outcome outcome;
  private boolean killed;
  private boolean tidying;

  MainRun(SparkSession from, String statement, String jar, String mainClass, String[] args) {
    this.from = from;
    this.context = from.sparkContext();
    this.statement = statement;
    this.jar = jar;
    this.mainClass = mainClass;
    this.args = args;
    this.threads = new StatementThreads(statement);
    this.thread = new Thread(threads, this, "main of " + statement);
  }

  /** Starts it; its output goes to the two files, up to cap bytes each. */
  public void start(String out, String err, long cap) throws IOException {
    StatementOutput.install(context);
    StatementOutput.out().open(statement, new CappedFile(new File(out), cap));
    StatementOutput.err().open(statement, new CappedFile(new File(err), cap));
    thread.start();
  }

  /** Returns how it ended, when it has ended or is abandoned. */
  public Outcome join() throws InterruptedException {
    over.await();
    return outcome();
  }

  /** Cancels its jobs and interrupts its threads, which have grace ms to end. */
  public synchronized void kill(final long grace) {
    if (killed) {
      return;
    }
    killed = true;
    Thread killer =
        new Thread("kill " + statement) {
          public void run() {
            insist(grace);
          }
        };
    killer.setDaemon(true);
    killer.start();
  }

  public void run() {
    context.setLocalProperty(StatementOutput.STATEMENT, statement);
    // A main class may set its own job group; kill finds its jobs by this tag.
    context.addJobTag(statement);
    Outcome how;
    try {
      how = runMain();
    } catch (Unusable e) {
      how = Outcome.unusable(e);
    } catch (Throwable e) {
      how = Outcome.failure(e, null);
    }
    try {
      tidy();
    } finally {
      end(isKilled() ? Outcome.cancelled("It was killed while it ran.") : how);
    }
  }

  private Outcome runMain() throws Exception {
    if (isKilled()) {
      return null;
    }
    SharedSession session = SharedSession.of(from);
    try {
      add(session);
      return call(session);
    } finally {
      stopInterrupting();
      session.release();
    }
  }

  private void add(SharedSession session) throws IOException, Unusable {
    Jar file = Jar.at(jar, context);
    try {
      file.addTo(session);
    } finally {
      file.release();
    }
  }

  private Outcome call(SharedSession session) throws Unusable {
    URLClassLoader loader = (URLClassLoader) session.artifactManager().classloader();
    MainMethod main = MainMethod.of(mainClass, loader, jar);
    SparkSession.setActiveSession(session);
    try {
      main.call(session, args);
      return Outcome.success();
    } catch (Throwable thrown) {
      StackTrace trace = new StackTrace(thrown, loader);
      trace.print(System.err);
      return Outcome.failure(thrown, trace.position());
    }
  }

  private void tidy() {
    stopInterrupting();
    List<Thread> running = threads.running();
    if (running.isEmpty()) {
      return;
    }
    StringBuilder names = new StringBuilder();
    for (int i = 0; i < running.size(); i++) {
      Thread each = (Thread) running.get(i);
      names.append(i == 0 ? "" : ", ").append(each.getName());
      each.interrupt();
    }
    if (!context.isStopped()) {
      context.cancelJobGroupAndFutureJobs(statement);
    }
    System.err.println(
        "[libra] main is over, so these threads of it were interrupted: " + names);
  }

  private synchronized void end(Outcome how) {
    if (outcome != null) {
      return;
    }
    outcome = how;
    try {
      StatementOutput.out().close(statement);
      StatementOutput.err().close(statement);
    } catch (IOException e) {
      e.printStackTrace();
    }
    over.countDown();
  }

  private synchronized Outcome outcome() {
    return outcome;
  }

  private synchronized boolean isKilled() {
    return killed;
  }

  /** From here on, the thread does Libra's work, which must not be interrupted. */
  private synchronized void stopInterrupting() {
    tidying = true;
    Thread.interrupted();
  }

  private void insist(long grace) {
    long since = System.currentTimeMillis();
    long interrupted = 0;
    while (thread.isAlive() && !context.isStopped()) {
      cancelJobs();
      long now = System.currentTimeMillis();
      if (now - interrupted >= INTERRUPT_EVERY) {
        interrupted = now;
        interrupt();
      }
      if (now - since >= grace) {
        giveUp(grace);
      }
      pause();
    }
    // Adaptive execution submits stages on threads of its own: one may begin after main has ended.
    long end = System.currentTimeMillis() + LATE_JOBS;
    while (System.currentTimeMillis() < end && !context.isStopped()) {
      cancelJobs();
      pause();
    }
  }

  private void cancelJobs() {
    context.cancelJobGroupAndFutureJobs(statement, "It was killed.");
    context.cancelJobsWithTag(statement, "It was killed.");
  }

  private synchronized void interrupt() {
    if (tidying) {
      return;
    }
    thread.interrupt();
    List<Thread> running = threads.running();
    for (int i = 0; i < running.size(); i++) {
      ((Thread) running.get(i)).interrupt();
    }
  }

  /** A Java thread that ignores interruption cannot be ended, so it is not reported as ended. */
  private void giveUp(long grace) {
    end(
        Outcome.cancelled(
            "It was killed, but main ignored the interruption for "
                + grace / 1000.0
                + " s: its thread still runs in the shared driver, where its Spark jobs are"
                + " cancelled, until it ends by itself or the driver is restarted."));
  }

  private static void pause() {
    try {
      Thread.sleep(CANCEL_EVERY);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
