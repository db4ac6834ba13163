package libra;

import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.SparkContext;
import org.apache.spark.connect.proto.AnalyzePlanRequest;
import org.apache.spark.connect.proto.ExecutePlanRequest;
import org.sparkproject.connect.grpc.ForwardingServerCallListener;
import org.sparkproject.connect.grpc.Metadata;
import org.sparkproject.connect.grpc.ServerCall;
import org.sparkproject.connect.grpc.ServerCallHandler;
import org.sparkproject.connect.grpc.ServerInterceptor;

/**
 * Sets the pool and the job group of a statement on the jobs of its Spark Connect user.
 *
 * Spark would also take them from the settings of the session, but then SQL statements of the same
 * session would get them, too. The thread that runs a request inherits the properties of the thread
 * that receives it.
 *
 * Janino compiles this at run time; its support of type parameters is too limited.
 */
public class StatementProperties implements ServerInterceptor {
  /** User id to a map of local properties; the driver host updates it. */
  public static final Map OF_USER = new ConcurrentHashMap();

  /** The context of the properties; set before the first request. */
  public static SparkContext context;

  public ServerCall.Listener interceptCall(
      ServerCall call, Metadata headers, ServerCallHandler next) {
    return new Listener(next.startCall(call, headers));
  }

  public static class Listener extends ForwardingServerCallListener {
    private final ServerCall.Listener inner;
    private Map properties;

    public Listener(ServerCall.Listener inner) {
      this.inner = inner;
    }

    protected ServerCall.Listener delegate() {
      return inner;
    }

    public void onMessage(Object message) {
      if (message instanceof ExecutePlanRequest) {
        ExecutePlanRequest request = (ExecutePlanRequest) message;
        properties = (Map) OF_USER.get(request.getUserContext().getUserId());
      } else if (message instanceof AnalyzePlanRequest) {
        // Schema inference runs jobs.
        AnalyzePlanRequest request = (AnalyzePlanRequest) message;
        properties = (Map) OF_USER.get(request.getUserContext().getUserId());
      }
      super.onMessage(message);
    }

    public void onHalfClose() {
      set(true);
      try {
        super.onHalfClose();
      } finally {
        // The thread is reused, also for other users.
        set(false);
      }
    }

    private void set(boolean given) {
      if (properties == null) {
        return;
      }
      Iterator entries = properties.entrySet().iterator();
      while (entries.hasNext()) {
        Map.Entry entry = (Map.Entry) entries.next();
        context.setLocalProperty((String) entry.getKey(), given ? (String) entry.getValue() : null);
      }
    }
  }
}
