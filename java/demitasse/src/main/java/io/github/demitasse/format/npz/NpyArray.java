package io.github.demitasse.format.npz;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Thread-safe: arrays of the .npy format as tensors, and back. */
final class NpyArray {
  private static final int CHUNK = 1 << 16;

  private NpyArray() {}

  /**
   * Reads header and data from a stream, up to its end.
   *
   * @param available an upper bound of the bytes that can follow
   * @throws IllegalArgumentException if they are not an array that a tensor can hold
   */
  static Tensor read(InputStream in, long available) throws IOException {
    NpyHeader header = NpyHeader.read(in);
    int bytes = size(header, available);
    if (header.type().isText()) {
      byte[] data = new byte[bytes];
      fill(ByteBuffer.wrap(data), in, header);
      return strings(ByteBuffer.wrap(data), header);
    }
    Tensor tensor = Tensor.allocate(header.type().tensorType(), header.shape());
    ByteBuffer target = tensor.acquire();
    boolean complete = false;
    try {
      if (header.columnMajor()) {
        ByteBuffer columns = ByteBuffer.allocateDirect(bytes);
        fill(columns, in, header);
        toRowMajor(columns, header, target);
      } else {
        fill(target, in, header);
      }
      if (tensor.type() == DataType.BOOL) {
        for (int i = 0; i < bytes; i++) {
          target.put(i, (byte) (target.get(i) == 0 ? 0 : 1));
        }
      }
      complete = true;
      return tensor;
    } finally {
      tensor.release();
      if (!complete) {
        tensor.close();
      }
    }
  }

  /** Fills a buffer from a stream that must end with it; in little-endian order. */
  private static void fill(ByteBuffer target, InputStream in, NpyHeader header) throws IOException {
    byte[] chunk = new byte[Math.min(target.remaining(), CHUNK)];
    while (target.hasRemaining()) {
      int count = in.read(chunk, 0, Math.min(chunk.length, target.remaining()));
      if (count < 0) {
        throw new IllegalArgumentException(
            "it has " + target.position() + " bytes of data; its shape needs " + target.limit());
      }
      target.put(chunk, 0, count);
    }
    if (in.read() >= 0) {
      throw new IllegalArgumentException(
          "something follows the " + target.limit() + " bytes of data");
    }
    if (header.type().order() == '>') {
      swap(target, header.type().swappedBytes());
    }
    target.flip();
  }

  private static int size(NpyHeader header, long available) {
    long elements = header.elements();
    long each = header.type().bytes();
    if (each > 0 && elements > available / each) {
      throw new IllegalArgumentException(
          "shape "
              + Arrays.toString(header.shape())
              + " of "
              + header.type()
              + " needs more than the "
              + available
              + " bytes there are");
    }
    if (each == 0 && elements > available) {
      throw new IllegalArgumentException(elements + " empty elements");
    }
    if (elements * each > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          elements * each + " bytes; one tensor holds at most 2 GiB");
    }
    return (int) (elements * each);
  }

  private static void swap(ByteBuffer data, int unit) {
    for (int start = 0; start < data.limit(); start += unit) {
      for (int i = 0; i < unit / 2; i++) {
        byte first = data.get(start + i);
        data.put(start + i, data.get(start + unit - 1 - i));
        data.put(start + unit - 1 - i, first);
      }
    }
  }

  private static void toRowMajor(ByteBuffer columns, NpyHeader header, ByteBuffer target) {
    long[] shape = header.shape();
    int each = header.type().bytes();
    long[] index = new long[shape.length];
    byte[] element = new byte[each];
    while (target.hasRemaining()) {
      long position = 0;
      for (int axis = shape.length - 1; axis >= 0; axis--) {
        position = position * shape[axis] + index[axis];
      }
      columns.get((int) (position * each), element);
      target.put(element);
      for (int axis = shape.length - 1; axis >= 0 && ++index[axis] == shape[axis]; axis--) {
        index[axis] = 0;
      }
    }
  }

  /** Strings of fixed width, filled up with zeros, in row order. */
  private static Tensor strings(ByteBuffer data, NpyHeader header) {
    if (header.columnMajor() && header.shape().length > 1) {
      throw new IllegalArgumentException("text in column order is not supported");
    }
    int each = header.type().bytes();
    byte[][] values = new byte[(int) header.elements()][];
    byte[] element = new byte[each];
    for (int i = 0; i < values.length; i++) {
      data.get(i * each, element);
      values[i] = header.type().kind() == 'S' ? trimmed(element) : utf8(element);
    }
    return Tensor.ofUtf8(values, header.shape());
  }

  private static byte[] trimmed(byte[] element) {
    int length = element.length;
    while (length > 0 && element[length - 1] == 0) {
      length--;
    }
    return Arrays.copyOf(element, length);
  }

  private static byte[] utf8(byte[] utf32) {
    ByteBuffer units = ByteBuffer.wrap(utf32).order(ByteOrder.LITTLE_ENDIAN);
    StringBuilder text = new StringBuilder();
    int end = utf32.length / 4;
    while (end > 0 && units.getInt(4 * (end - 1)) == 0) {
      end--;
    }
    for (int i = 0; i < end; i++) {
      int code = units.getInt(4 * i);
      if (!Character.isValidCodePoint(code)) {
        throw new IllegalArgumentException("a string with the code point " + code);
      }
      text.appendCodePoint(code);
    }
    return text.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** Header and data of a tensor's .npy file. */
  static ByteBuffer[] encode(Tensor tensor) {
    NpyType type = NpyType.of(tensor.type(), longest(tensor));
    ByteBuffer header = ByteBuffer.wrap(new NpyHeader(type, false, tensor.shape()).encode());
    return new ByteBuffer[] {header, data(tensor, type)};
  }

  private static int longest(Tensor tensor) {
    int longest = 0;
    if (tensor.type() == DataType.STRING) {
      for (String text : tensor.toStrings()) {
        longest = Math.max(longest, text.codePointCount(0, text.length()));
      }
    }
    return longest;
  }

  private static ByteBuffer data(Tensor tensor, NpyType type) {
    switch (tensor.type()) {
      case BFLOAT16 -> {
        return Tensor.of(tensor.toFloats(), tensor.shape()).buffer();
      }
      case INT4, UINT4 -> {
        long[] values = tensor.toLongs();
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < bytes.length; i++) {
          bytes[i] = (byte) values[i];
        }
        return ByteBuffer.wrap(bytes);
      }
      case STRING -> {
        String[] texts = tensor.toStrings();
        ByteBuffer data =
            ByteBuffer.allocate(Math.multiplyExact(texts.length, type.bytes()))
                .order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < texts.length; i++) {
          data.position(i * type.bytes());
          texts[i].codePoints().forEach(data::putInt);
        }
        return data.clear();
      }
      default -> {
        return tensor.buffer();
      }
    }
  }
}
