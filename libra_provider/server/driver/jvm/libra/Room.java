package libra;

import java.io.Serializable;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.plans.logical.LocalLimit;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.expressions.UserDefinedFunction;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import scala.Option;

/**
 * Room for so many bytes in a task's result; the row that does not fit ends the task.
 *
 * <p>A task has an instance of its own, so this counts per partition.
 */
public final class Room implements UDF2, Serializable {
  private static final long serialVersionUID = 1L;
  private static final int FEW = 100000;
  private long taken;

  /** The frame, cut so that more rows than these still show, but not all that there may be. */
  public Dataset limited(Dataset frame, long rows) {
    org.apache.spark.sql.classic.Dataset whole = (org.apache.spark.sql.classic.Dataset) frame;
    LogicalPlan plan = whole.logicalPlan();
    Option most = plan.maxRows();
    if (most.isDefined() && ((Number) most.get()).longValue() <= rows) {
      return frame;
    }
    int oneMore = (int) Math.min(rows, Integer.MAX_VALUE - 1) + 1;
    if (rows <= FEW) {
      return frame.limit(oneMore);
    }
    // Who takes the rows in counts them; all of them in one task would be a shuffle of all.
    LogicalPlan cut = new LocalLimit(new Literal(Integer.valueOf(oneMore), DataTypes.IntegerType), plan);
    return org.apache.spark.sql.classic.Dataset.ofRows(whole.sparkSession(), cut);
  }

  /** The same, with room in each task for so many bytes; each row's size is a SQL expression. */
  public Dataset limited(Dataset frame, long rows, String size, long most) {
    // Deterministic, it would be computed once for rows that are all of one size.
    UserDefinedFunction fits = functions.udf((UDF2) this, DataTypes.BooleanType).asNondeterministic();
    Column[] arguments = {functions.expr(size), functions.lit(Long.valueOf(most))};
    return limited(frame, rows).filter(fits.apply(arguments));
  }

  public Object call(Object size, Object most) {
    taken += ((Number) size).longValue();
    if (taken > ((Number) most).longValue()) {
      throw new IllegalStateException("LIBRA_RESULT_TOO_LARGE");
    }
    return Boolean.TRUE;
  }
}
