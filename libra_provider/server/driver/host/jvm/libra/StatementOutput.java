package libra;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.SparkContext;
import org.apache.spark.TaskContext;

/**
 * System.out or System.err of the JVM: the output of a statement goes to its own file, all other
 * output to the original stream.
 *
 * <p>A local property of Spark identifies the statement; threads inherit it, and Spark passes it to
 * the threads and tasks that work for it. Output of threads that outlive their statement is
 * dropped: it could fill the driver's log.
 */
final class StatementOutput extends OutputStream {

  static final String STATEMENT = "libra.statement";

  private static StatementOutput out;
  private static StatementOutput err;

  private final SparkContext context;
  private final PrintStream before;
  private final PrintStream stream;
  private final ConcurrentHashMap<String, OutputStream> files =
      new ConcurrentHashMap<String, OutputStream>();

  private StatementOutput(SparkContext context, PrintStream before) {
    this.context = context;
    this.before = before;
    this.stream = new PrintStream(this, true);
  }

  /** Installs both, also again after a main class has set its own streams. */
  static synchronized void install(SparkContext context) {
    if (out == null) {
      out = new StatementOutput(context, System.out);
      err = new StatementOutput(context, System.err);
    }
    System.setOut(out.stream);
    System.setErr(err.stream);
  }

  static StatementOutput out() {
    return out;
  }

  static StatementOutput err() {
    return err;
  }

  PrintStream stream() {
    return stream;
  }

  void open(String statement, OutputStream file) {
    files.put(statement, file);
  }

  void close(String statement) throws IOException {
    OutputStream file = (OutputStream) files.remove(statement);
    if (file != null) {
      file.close();
    }
  }

  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  public void write(byte[] bytes, int offset, int length) throws IOException {
    String statement = statement();
    OutputStream file = statement == null ? before : (OutputStream) files.get(statement);
    if (file != null) {
      file.write(bytes, offset, length);
    }
  }

  public void flush() throws IOException {
    if (statement() == null) {
      before.flush();
    }
  }

  private String statement() {
    TaskContext task = TaskContext.get();
    // With a local master, tasks run in this JVM, on threads that statements share.
    return task == null
        ? context.getLocalProperty(STATEMENT)
        : task.getLocalProperty(STATEMENT);
  }
}
