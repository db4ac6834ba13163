package libra;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** A file that keeps the first bytes up to a cap; its end states how many were dropped. */
final class CappedFile extends OutputStream {

  private final FileOutputStream file;
  private long room;
  private long dropped;
  private boolean closed;

  CappedFile(File path, long cap) throws IOException {
    this.file = new FileOutputStream(path);
    this.room = cap;
  }

  public synchronized void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  public synchronized void write(byte[] bytes, int offset, int length) throws IOException {
    int taken = closed ? 0 : (int) Math.min(room, length);
    if (taken > 0) {
      file.write(bytes, offset, taken);
    }
    room -= taken;
    dropped += length - taken;
  }

  public synchronized void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    if (dropped > 0) {
      String note = "\n[libra] " + dropped + " bytes more were dropped: the log is full.\n";
      file.write(note.getBytes(StandardCharsets.UTF_8));
    }
    file.close();
  }
}
