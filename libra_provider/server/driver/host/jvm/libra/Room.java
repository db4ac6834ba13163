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
 * Room for so many bytes in a task's result; the row that does not fit ends the task.
 *
 * <p>A task has an instance of its own, so this counts per partition. The code that Spark generates
 * knows an interface of Java, not this class, and calls it at once: as a UDF, it would cost a third
 * of a simple query.
 */
public final class Room implements LongPredicate, Serializable {
  private static final long serialVersionUID = 2L;
  private static final int FEW = 100000;
  private final long most;
  private long taken;

  /** Without room: for who needs what comes next. */
  public Room() {
    this(0);
  }

  private Room(long most) {
    this.most = most;
  }

  /** The frame, cut so that more rows than these still show, but not all that there may be. */
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
    // Who takes the rows in counts them. Any other limit for all would be a shuffle into one task,
    // which mixes what was in order: the columns of a table, what Python made of sorted rows.
    Expression limit = new Literal(Integer.valueOf(oneMore), DataTypes.IntegerType);
    return Dataset.ofRows(frame.sparkSession(), new LocalLimit(limit, plan));
  }

  /** Whether its limit becomes a top-k of Spark, which keeps the order and sorts few rows only. */
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

  /** The same, with room in each task for so many bytes; a row's size is an expression of SQL. */
  public Dataset limited(Dataset frame, long rows, String size, long most) throws Exception {
    String asLong = "CAST(" + size + " AS BIGINT)";
    Expression bytes = frame.sparkSession().sessionState().sqlParser().parseExpression(asLong);
    Dataset cut = limited(frame, rows);
    Attribute first = (Attribute) cut.logicalPlan().output().head();
    // A filter would move below the projection of a query, which then computes its columns twice.
    Column ifItFits = functions.when(fits(bytes, most), ExpressionUtils.column(first));
    return (Dataset) cut.withColumn(first.name(), ifItFits);
  }

  private static Column fits(Expression size, long most) {
    Expression room = new Literal(new Room(most), new ObjectType(LongPredicate.class));
    Seq sizes = CollectionConverters.asScala(Collections.singletonList(size)).toSeq();
    Seq any = CollectionConverters.asScala(Collections.emptyList()).toSeq();
    // Deterministic, it would be computed once for rows that are all of one size.
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
