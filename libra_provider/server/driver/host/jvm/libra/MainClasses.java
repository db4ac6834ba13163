package libra;

import org.apache.spark.sql.classic.SparkSession;

/** The interface for Python: runs main classes in the driver. */
public final class MainClasses {

  public static final MainClasses ALL = new MainClasses();

  private MainClasses() {}

  /** Called once per driver; note is the file that names a statement that ends the driver. */
  public void prepare(SparkSession spark, String note) {
    StatementOutput.install(spark.sparkContext());
    Culprit.watch(spark.sparkContext(), note);
  }

  /** Returns a run that inherits pool and job group of the calling thread. */
  public MainRun run(
      SparkSession from, String statement, String jar, String mainClass, String[] args) {
    return new MainRun(from, statement, jar, mainClass, args);
  }
}
