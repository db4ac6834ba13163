package libra;

import java.io.Serializable;
import org.apache.spark.sql.api.java.UDF2;

/**
 * Room for so many bytes in a task's result; the row that does not fit ends the task.
 *
 * <p>A task has an instance of its own, so this counts per partition.
 */
public final class Room implements UDF2, Serializable {
  private static final long serialVersionUID = 1L;
  private long taken;

  public Object call(Object size, Object most) {
    taken += ((Number) size).longValue();
    if (taken > ((Number) most).longValue()) {
      throw new IllegalStateException("LIBRA_RESULT_TOO_LARGE");
    }
    return Boolean.TRUE;
  }
}
