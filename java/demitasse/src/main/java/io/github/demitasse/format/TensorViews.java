package io.github.demitasse.format;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.nio.ByteBuffer;

/** Thread-safe: turns bytes of a file into tensors. */
public final class TensorViews {
  private TensorViews() {}

  /**
   * A view of the bytes where they are direct and lie at a multiple of the element size, as kernels
   * need; else a copy. BOOL elements other than 0 become 1, which takes a copy, too.
   *
   * @throws IllegalArgumentException if the bytes are not as many as type and shape say
   */
  public static Tensor viewOrCopy(DataType type, ByteBuffer bytes, long... shape) {
    int unit = Math.min(8, Math.max(1, type.bits() / 8));
    boolean usable =
        bytes.isDirect()
            && bytes.alignmentOffset(bytes.position(), unit) == 0
            && (type != DataType.BOOL || isBoolean(bytes));
    if (usable) {
      return Tensor.view(type, bytes, shape);
    }
    if (type == DataType.STRING) {
      ByteBuffer direct = ByteBuffer.allocateDirect(bytes.remaining());
      return Tensor.view(type, direct.put(bytes.duplicate()).flip(), shape);
    }
    Tensor copy = Tensor.allocate(type, shape);
    if (copy.byteSize() != bytes.remaining()) {
      copy.close();
      throw new IllegalArgumentException(
          copy + " needs " + copy.byteSize() + " bytes, given " + bytes.remaining());
    }
    ByteBuffer target = copy.acquire();
    target.put(bytes.duplicate());
    if (type == DataType.BOOL) {
      for (int i = 0; i < target.limit(); i++) {
        target.put(i, (byte) (target.get(i) == 0 ? 0 : 1));
      }
    }
    copy.release();
    return copy;
  }

  private static boolean isBoolean(ByteBuffer bytes) {
    for (int i = bytes.position(); i < bytes.limit(); i++) {
      if ((bytes.get(i) & 0xfe) != 0) {
        return false;
      }
    }
    return true;
  }
}
