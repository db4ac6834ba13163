package libra;

import org.apache.spark.sql.classic.SparkSession;

/** What Python calls: the way to runs of main classes in the driver of a session. */
public final class MainClasses {

  public static final MainClasses ALL = new MainClasses();

  private MainClasses() {}

  /** Once per driver; note is the file where a statement is named that ends the driver. */
  public void prepare(SparkSession spark, String note) {
    StatementOutput.install(spark.sparkContext());
    Culprit.watch(spark.sparkContext(), note);
  }

  /** A run that inherits pool and job group of the calling thread. */
  public MainRun run(
      SparkSession from, String statement, String jar, String mainClass, String[] args) {
    return new MainRun(from, statement, jar, mainClass, args);
  }
}
