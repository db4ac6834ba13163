package libra;

import java.io.PrintStream;
import java.net.URLClassLoader;
import java.util.HashSet;
import java.util.Set;

/** A stack trace for the user: the frames of their JAR. */
final class StackTrace {

  private static final int LONGEST_MESSAGE = 2000;

  private final Throwable failure;
  private final URLClassLoader users;

  StackTrace(Throwable failure, URLClassLoader users) {
    this.failure = failure;
    this.users = users;
  }

  /** Returns the user's frame that failed, or null if there is none. */
  String position() {
    StackTraceElement[] frames = failure.getStackTrace();
    for (int i = 0; i < frames.length; i++) {
      if (isUsers(frames[i])) {
        return frames[i].toString();
      }
    }
    return null;
  }

  /** Prints it with its causes; consecutive frames of other code are one line. */
  void print(PrintStream to) {
    Set<Throwable> seen = new HashSet<Throwable>();
    String head = "Exception in main: ";
    for (Throwable each = failure; each != null && seen.add(each); each = each.getCause()) {
      to.println(head + message(each));
      frames(each.getStackTrace(), to);
      head = "Caused by: ";
    }
  }

  private void frames(StackTraceElement[] frames, PrintStream to) {
    int skipped = 0;
    for (int i = 0; i < frames.length; i++) {
      if (!isUsers(frames[i])) {
        skipped++;
        continue;
      }
      skipped = skip(skipped, to);
      to.println("    at " + frames[i]);
    }
    skip(skipped, to);
  }

  private static int skip(int skipped, PrintStream to) {
    if (skipped > 0) {
      to.println("    ... " + skipped + " of Java and Spark");
    }
    return 0;
  }

  private boolean isUsers(StackTraceElement frame) {
    return users.findResource(frame.getClassName().replace('.', '/') + ".class") != null;
  }

  private static String message(Throwable failure) {
    String all = failure.toString();
    int end = all.indexOf("\nDriver stacktrace:");
    String message = end < 0 ? all : all.substring(0, end);
    return message.length() <= LONGEST_MESSAGE ? message : message.substring(0, LONGEST_MESSAGE);
  }
}
