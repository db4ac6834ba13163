package libra;

import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import scala.Console$;
import scala.Function0;
import scala.runtime.AbstractFunction0;

/** The main method of a class; Scala's output goes to the same streams as Java's. */
final class MainMethod {

  private final Method method;

  private MainMethod(Method method) {
    this.method = method;
  }

  static MainMethod of(String mainClass, ClassLoader loader, String jar) throws Unusable {
    try {
      Method method = loader.loadClass(mainClass).getMethod("main", String[].class);
      if (!Modifier.isStatic(method.getModifiers())) {
        throw new Unusable("main of " + mainClass + " is not static, so it cannot be started");
      }
      return new MainMethod(method);
    } catch (ClassNotFoundException e) {
      throw new Unusable("there is no class " + mainClass + " in " + jar + "; check mainClass");
    } catch (NoSuchMethodException e) {
      throw new Unusable(mainClass + " has no public static void main(String[] args)");
    } catch (NoClassDefFoundError e) {
      throw new Unusable(mainClass + " needs a class that is missing: " + e.getMessage());
    } catch (UnsupportedClassVersionError e) {
      throw new Unusable("the shared driver's Java is too old: " + e.getMessage());
    }
  }

  /** Calls it with session's classes; its exceptions are not wrapped. */
  void call(SharedSession session, String[] args) throws Throwable {
    Call call = new Call(method, args);
    session
        .artifactManager()
        .withResources(new Printing(true, System.out, new Printing(false, System.err, call)));
    if (call.failure != null) {
      throw call.failure;
    }
  }

  private static final class Call extends AbstractFunction0<Object> {

    private final Method method;
    private final String[] args;
    private Throwable failure;

    Call(Method method, String[] args) {
      this.method = method;
      this.args = args;
    }

    public Object apply() {
      try {
        method.invoke(null, new Object[] {args});
      } catch (InvocationTargetException e) {
        failure = e.getCause();
      } catch (Throwable e) {
        failure = e;
      }
      return null;
    }
  }

  /** Scala's println keeps the stream of its first use. */
  private static final class Printing extends AbstractFunction0<Object> {

    private final boolean out;
    private final PrintStream to;
    private final Function0<Object> next;

    Printing(boolean out, PrintStream to, Function0<Object> next) {
      this.out = out;
      this.to = to;
      this.next = next;
    }

    public Object apply() {
      Console$ console = Console$.MODULE$;
      return out ? console.withOut(to, next) : console.withErr(to, next);
    }
  }
}
