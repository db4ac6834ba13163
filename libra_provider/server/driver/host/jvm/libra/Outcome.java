package libra;

import org.apache.spark.SparkThrowable;

/** How a run ended, with Libra's states. */
public final class Outcome {

  private static final String SECOND_CONTEXT = "Only one SparkContext should be running";
  private static final String OWN_CONTEXT =
      "main creates a SparkContext, but the shared driver has one already: get it with"
          + " SparkSession.builder().getOrCreate(), or run the class ISOLATED";

  private final String state;
  private final String error;
  private final String errorClass;
  private final String sqlState;
  private final String position;

  private Outcome(
      String state, String error, String errorClass, String sqlState, String position) {
    this.state = state;
    this.error = error;
    this.errorClass = errorClass;
    this.sqlState = sqlState;
    this.position = position;
  }

  static Outcome success() {
    return new Outcome("SUCCESS", null, null, null, null);
  }

  static Outcome cancelled(String sentence) {
    return new Outcome("CANCELLED", sentence, null, null, null);
  }

  static Outcome unusable(Unusable why) {
    return new Outcome("FAILED", why.getMessage(), "LIBRA_MAIN_CLASS", null, null);
  }

  /** The exception of main, and the first frame in the JAR's own code. */
  static Outcome failure(Throwable thrown, String position) {
    String message = thrown.toString();
    if (message.contains(SECOND_CONTEXT)) {
      return new Outcome("FAILED", OWN_CONTEXT, "LIBRA_MAIN_CLASS", null, position);
    }
    if (thrown instanceof SparkThrowable) {
      SparkThrowable spark = (SparkThrowable) thrown;
      return new Outcome("FAILED", message, spark.getCondition(), spark.getSqlState(), position);
    }
    return new Outcome("FAILED", message, thrown.getClass().getName(), null, position);
  }

  public String state() {
    return state;
  }

  public String error() {
    return error;
  }

  public String errorClass() {
    return errorClass;
  }

  public String sqlState() {
    return sqlState;
  }

  public String position() {
    return position;
  }
}
