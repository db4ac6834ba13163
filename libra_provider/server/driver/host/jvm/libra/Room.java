package libra;

import java.io.Serializable;
import java.util.Collections;
import java.util.function.LongPredicate;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.objects.Invoke;
import org.apache.spark.sql.catalyst.plans.logical.LocalLimit;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.plans.logical.Sort;
import org.apache.spark.sql.catalyst.plans.logical.SubqueryAlias;
import org.apache.spark.sql.catalyst.plans.logical.UnaryNode;
import org.apache.spark.sql.catalyst.trees.TreePattern;
import org.apache.spark.sql.classic.Dataset;
import org.apache.spark.sql.classic.ExpressionUtils;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.ObjectType;
import scala.Option;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;

/**
 * A limit for the bytes of a task's result; the row that exceeds it ends the task.
 *
 * <p>Each task has its own instance, so this counts per partition. Spark's generated code calls it
 * directly, by an interface of Java: a UDF would cost a third of a simple query.
 */
public final class Room implements LongPredicate, Serializable {
  private static final long serialVersionUID = 2L;
  private static final int FEW = 100000;
  private final long most;
  private long taken;

  /** Without a limit: for the methods below. */
  public Room() {
    this(0);
  }

  private Room(long most) {
    this.most = most;
  }

  /** Returns the frame, limited soon after these rows, so that one can see that there are more. */
  public Dataset limited(Dataset frame, long rows) {
    LogicalPlan plan = frame.logicalPlan();
    Option known = plan.maxRows();
    if (known.isDefined() && ((Number) known.get()).longValue() <= rows) {
      return frame;
    }
    int oneMore = (int) Math.min(rows, Integer.MAX_VALUE - 1) + 1;
    if (rows <= FEW && isTopOfOrder(plan)) {
      return (Dataset) frame.limit(oneMore);
    }
    // The receiver of the rows counts them. Any other limit for all would shuffle into one task,
    // and lose the order of rows that are sorted, but not by Spark.
    Expression limit = new Literal(Integer.valueOf(oneMore), DataTypes.IntegerType);
    return Dataset.ofRows(frame.sparkSession(), new LocalLimit(limit, plan));
  }

  /** Returns whether its limit becomes a top-k, which keeps the order and sorts only few rows. */
  private static boolean isTopOfOrder(LogicalPlan plan) {
    if (plan.containsPattern(TreePattern.PYTHON_UDF())) {
      return false;
    }
    LogicalPlan each = plan;
    while (each instanceof Project || each instanceof SubqueryAlias) {
      each = (LogicalPlan) ((UnaryNode) each).child();
    }
    return each instanceof Sort && ((Sort) each).global();
  }

  /** The same, with a limit of bytes in each task; size is an SQL expression for a row. */
  public Dataset limited(Dataset frame, long rows, String size, long most) throws Exception {
    String asLong = "CAST(" + size + " AS BIGINT)";
    Expression bytes = frame.sparkSession().sessionState().sqlParser().parseExpression(asLong);
    Dataset cut = limited(frame, rows);
    Attribute first = (Attribute) cut.logicalPlan().output().head();
    // Spark would move a filter below the projection, whose columns would be computed twice.
    Column ifItFits = functions.when(fits(bytes, most), ExpressionUtils.column(first));
    return (Dataset) cut.withColumn(first.name(), ifItFits);
  }

  private static Column fits(Expression size, long most) {
    Expression room = new Literal(new Room(most), new ObjectType(LongPredicate.class));
    Seq sizes = CollectionConverters.asScala(Collections.singletonList(size)).toSeq();
    Seq any = CollectionConverters.asScala(Collections.emptyList()).toSeq();
    // If it were deterministic, it would be computed only once for rows of one size.
    return ExpressionUtils.column(
        new Invoke(room, "test", DataTypes.BooleanType, sizes, any, true, false, false));
  }

  public boolean test(long size) {
    taken += size;
    if (taken > most) {
      throw new IllegalStateException("LIBRA_RESULT_TOO_LARGE");
    }
    return true;
  }
}
