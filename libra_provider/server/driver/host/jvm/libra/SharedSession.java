package libra;

import org.apache.spark.sql.artifact.ArtifactManager;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.internal.SessionState;
import org.apache.spark.sql.internal.SharedState;
import org.apache.spark.sql.streaming.StreamingQuery;
import scala.Some;
import scala.collection.immutable.Map$;

/**
 * The session of one main class: it starts with a copy of the temp views and settings of its parent
 * session; its changes and its classes are visible only to itself.
 *
 * <p>Programs end with stop(): here, it ends only the program's use of the session.
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
    // Read once, at the first use of the artifact manager.
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

  /** Makes the classes of main available in every session that it creates. */
  public ArtifactManager artifactManager() {
    return first == null ? super.artifactManager() : first.artifactManager();
  }

  private SharedSession first() {
    return first == null ? this : first;
  }

  /**
   * Closures take their session to executors, which do not have this class.
   *
   * <p>Not private: Janino renames private methods, and Java needs this name.
   */
  protected Object writeReplace() {
    return from;
  }

  /** Releases its streaming queries and its classes. */
  void release() throws Exception {
    StreamingQuery[] active = streams().active();
    for (int i = 0; i < active.length; i++) {
      active[i].stop();
    }
    artifactManager().close();
  }
}
