package libra;

import org.apache.spark.sql.artifact.ArtifactManager;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.internal.SessionState;
import org.apache.spark.sql.internal.SharedState;
import org.apache.spark.sql.streaming.StreamingQuery;
import scala.Some;
import scala.collection.immutable.Map$;

/**
 * The session of one main class: it sees the temp views and settings of the session that it comes
 * from as they are at its start, and what it changes stays its own; so do its classes.
 *
 * <p>Programs end with stop(): here that ends nothing but the program's own use of the session.
 */
final class SharedSession extends SparkSession {

  private static final String ISOLATED = "spark.sql.artifact.isolation.enabled";

  private final transient SparkSession from;
  private final transient SharedSession first;

  private SharedSession(SparkSession from, SharedSession first) {
    super(
        from.sparkContext(),
        new Some<SharedState>(from.sharedState()),
        new Some<SessionState>(from.sessionState()),
        from.extensions(),
        Map$.MODULE$.empty(),
        Map$.MODULE$.empty());
    this.from = from;
    this.first = first;
  }

  static SharedSession of(SparkSession from) {
    SharedSession session = new SharedSession(from, null);
    // Read once, when the manager of artifacts is made; that is at its first use.
    session.conf().set(ISOLATED, "true");
    return session;
  }

  public void close() {}

  public SparkSession newSession() {
    return new SharedSession(super.newSession(), first());
  }

  public SparkSession cloneSession() {
    return new SharedSession(this, first());
  }

  /** The classes of main are known in every session that it makes. */
  public ArtifactManager artifactManager() {
    return first == null ? super.artifactManager() : first.artifactManager();
  }

  private SharedSession first() {
    return first == null ? this : first;
  }

  /**
   * Closures carry their session along to executors, which do not know this class.
   *
   * <p>Not private: Janino gives private methods another name, and Java looks for this one.
   */
  protected Object writeReplace() {
    return from;
  }

  /** Gives back what it holds: queries that still stream, its classes. */
  void release() throws Exception {
    StreamingQuery[] active = streams().active();
    for (int i = 0; i < active.length; i++) {
      active[i].stop();
    }
    artifactManager().close();
  }
}
