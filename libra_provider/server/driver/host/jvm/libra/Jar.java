package libra;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.util.Iterator;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.zip.ZipFile;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.util.Utils;
import scala.Option;

/** The JAR of a statement, on this machine. */
final class Jar {

  private static final Path CLASSES = Paths.get("classes");
  private static final Option<String> NOWHERE = Option.empty();

  private final File file;
  private final File fetchedTo;

  private Jar(File file, File fetchedTo) {
    this.file = file;
    this.fetchedTo = fetchedTo;
  }

  /** Opens the JAR at path: a local file, or a copy of a URL that Spark can read. */
  static Jar at(String path, SparkContext context) throws Unusable {
    boolean here = path.startsWith("file:") || !path.contains("://");
    Jar jar = here ? new Jar(file(path), null) : fetched(path, context);
    if (!jar.file.isFile()) {
      throw new Unusable("filePath " + path + ": there is no such file on the shared driver's host");
    }
    try {
      new ZipFile(jar.file).close();
    } catch (IOException e) {
      jar.release();
      throw new Unusable("filePath " + path + " is not a readable JAR: " + e.getMessage());
    }
    return jar;
  }

  private static File file(String path) {
    return path.startsWith("file:") ? new File(URI.create(path).getPath()) : new File(path);
  }

  private static Jar fetched(String url, SparkContext context) throws Unusable {
    File folder = Utils.createTempDir();
    try {
      long now = System.currentTimeMillis();
      File file =
          Utils.fetchFile(
              url, folder, context.getConf(), context.hadoopConfiguration(), now, false, false);
      return new Jar(file, folder);
    } catch (Exception e) {
      Utils.deleteRecursively(folder);
      throw new Unusable("filePath " + url + " could not be downloaded: " + e);
    }
  }

  /**
   * Adds its classes to session only, here and on the executors.
   *
   * <p>Not as a JAR: Spark passes the JARs of every session to each job outside of a session, and so
   * to the parent of all class loaders on the executors.
   */
  void addTo(SparkSession session) throws IOException, Unusable {
    JarFile jar = new JarFile(file, false, ZipFile.OPEN_READ, JarFile.runtimeVersion());
    File staged = File.createTempFile("libra", ".class");
    try {
      Iterator<JarEntry> entries = jar.versionedStream().iterator();
      while (entries.hasNext()) {
        JarEntry entry = (JarEntry) entries.next();
        if (!entry.isDirectory()) {
          Files.copy(
              jar.getInputStream(entry), staged.toPath(), StandardCopyOption.REPLACE_EXISTING);
          session.artifactManager().addArtifact(target(entry), staged.toPath(), NOWHERE, true);
        }
      }
    } finally {
      jar.close();
      staged.delete();
    }
  }

  private static Path target(JarEntry entry) throws Unusable {
    Path target = CLASSES.resolve(entry.getName()).normalize();
    if (!target.startsWith(CLASSES)) {
      throw new Unusable("the JAR has an entry outside of itself: " + entry.getName());
    }
    return target;
  }

  /** Removes the copy, if there is one. */
  void release() {
    if (fetchedTo != null) {
      Utils.deleteRecursively(fetchedTo);
    }
  }
}
