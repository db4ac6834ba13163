package libra;

import java.io.Serializable;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.expressions.UserDefinedFunction;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;

/**
 * Room for so many bytes in a task's result; the row that does not fit ends the task.
 *
 * <p>A task has an instance of its own, so this counts per partition.
 */
public final class Room implements UDF2, Serializable {
  private static final long serialVersionUID = 1L;
  private long taken;

  /** At most so many rows of the frame, within room for the sum of their sizes. */
  public Dataset limited(Dataset frame, int rows, String size, long most) {
    // Deterministic, it would be computed once for rows that are all of one size.
    UserDefinedFunction fits = functions.udf((UDF2) this, DataTypes.BooleanType).asNondeterministic();
    Column[] arguments = {functions.expr(size), functions.lit(Long.valueOf(most))};
    return frame.limit(rows).filter(fits.apply(arguments));
  }

  public Object call(Object size, Object most) {
    taken += ((Number) size).longValue();
    if (taken > ((Number) most).longValue()) {
      throw new IllegalStateException("LIBRA_RESULT_TOO_LARGE");
    }
    return Boolean.TRUE;
  }
}
