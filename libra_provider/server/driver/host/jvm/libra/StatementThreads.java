package libra;

import java.util.ArrayList;
import java.util.List;

/** The threads of a statement: its main thread, and those that it starts. */
final class StatementThreads extends ThreadGroup {

  final String statement;

  StatementThreads(String statement) {
    super(top(), "statement " + statement);
    this.statement = statement;
  }

  /** Returns the statement of thread, or null if it belongs to none. */
  static String statementOf(Thread thread) {
    ThreadGroup group = thread.getThreadGroup();
    while (group != null && !(group instanceof StatementThreads)) {
      group = group.getParent();
    }
    return group == null ? null : ((StatementThreads) group).statement;
  }

  /** Returns the running threads but the calling one, and but daemons, as those of Spark's pools. */
  List<Thread> running() {
    Thread[] found = new Thread[activeCount() + 16];
    int count = enumerate(found);
    List<Thread> running = new ArrayList<Thread>();
    for (int i = 0; i < count; i++) {
      if (!found[i].isDaemon() && found[i] != Thread.currentThread()) {
        running.add(found[i]);
      }
    }
    return running;
  }

  private static ThreadGroup top() {
    ThreadGroup group = Thread.currentThread().getThreadGroup();
    while (group.getParent() != null) {
      group = group.getParent();
    }
    return group;
  }
}
