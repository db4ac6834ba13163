package libra;

import java.io.Serializable;
import org.apache.spark.sql.api.java.UDF2;

/**
 * Room for so many bytes in a task's result: true for each row until one has crossed the line.
 *
 * <p>A task has an instance of its own, so this counts per partition.
 */
public final class Room implements UDF2, Serializable {
  private static final long serialVersionUID = 1L;
  private long taken;

  public Object call(Object size, Object most) {
    if (taken > ((Long) most).longValue()) {
      return Boolean.FALSE;
    }
    if (size != null) {
      taken += ((Number) size).longValue();
    }
    return Boolean.TRUE;
  }
}
