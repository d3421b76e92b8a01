package io.github.demitasse.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Safe for concurrent reading: a typed, shaped array outside the Java heap, in row-major order and
 * little-endian; one tensor holds at most 2 GiB.
 *
 * <p>A tensor either owns its memory ({@link #allocate}) or is a view of somebody else's, such as a
 * mapped file ({@link #view}). {@link #close()} gives owned memory back at once, unless a {@link
 * #buffer()} of it was handed out: then the collector frees it when nobody holds it any more.
 * Closing twice is harmless; use after close is an {@link IllegalStateException}.
 */
public final class Tensor implements AutoCloseable {
  /** Alignment of owned memory, in bytes. */
  public static final int ALIGNMENT = 64;

  private final DataType type;
  private final long[] shape;
  private final long elements;
  private final TensorMemory memory;

  private Tensor(DataType type, long[] shape, TensorMemory memory) {
    this.type = type;
    this.shape = shape;
    this.elements = elements(shape);
    this.memory = memory;
  }

  /** A tensor of zeros that owns its memory. */
  public static Tensor allocate(DataType type, long... shape) {
    long bytes = checkedBytes(type, shape);
    return new Tensor(type, shape.clone(), TensorMemory.allocate((int) bytes));
  }

  /**
   * A view of the remaining bytes of {@code memory}, which must be direct and exactly as large as
   * type and shape say. The buffer is kept reachable; closing the view does not free it.
   */
  public static Tensor view(DataType type, ByteBuffer memory, long... shape) {
    long bytes = checkedBytes(type, shape);
    if (!memory.isDirect()) {
      throw new IllegalArgumentException("a tensor view needs a direct buffer");
    }
    if (memory.remaining() != bytes) {
      throw new IllegalArgumentException(
          type
              + Arrays.toString(shape)
              + " needs "
              + bytes
              + " bytes, given "
              + memory.remaining());
    }
    return new Tensor(type, shape.clone(), TensorMemory.view(memory));
  }

  public static Tensor of(float[] values, long... shape) {
    Tensor tensor = allocateFor(DataType.FLOAT32, values.length, shape);
    tensor.memory.bytes().asFloatBuffer().put(values);
    return tensor;
  }

  public static Tensor of(double[] values, long... shape) {
    Tensor tensor = allocateFor(DataType.FLOAT64, values.length, shape);
    tensor.memory.bytes().asDoubleBuffer().put(values);
    return tensor;
  }

  public static Tensor of(long[] values, long... shape) {
    Tensor tensor = allocateFor(DataType.INT64, values.length, shape);
    tensor.memory.bytes().asLongBuffer().put(values);
    return tensor;
  }

  public static Tensor of(int[] values, long... shape) {
    Tensor tensor = allocateFor(DataType.INT32, values.length, shape);
    tensor.memory.bytes().asIntBuffer().put(values);
    return tensor;
  }

  /** Bytes taken as they are; {@code type} must have 8 bits or fewer. */
  public static Tensor ofBytes(DataType type, byte[] values, long... shape) {
    long bytes = checkedBytes(type, shape);
    if (type.bits() > 8 || bytes != values.length) {
      throw new IllegalArgumentException(
          type + Arrays.toString(shape) + " does not fit " + values.length + " bytes");
    }
    Tensor tensor = allocate(type, shape);
    tensor.memory.bytes().put(values);
    return tensor;
  }

  public static Tensor scalar(float value) {
    return of(new float[] {value});
  }

  public static Tensor scalar(long value) {
    return of(new long[] {value});
  }

  public DataType type() {
    return type;
  }

  /** The sizes of the dimensions; empty for a scalar. */
  public long[] shape() {
    return shape.clone();
  }

  public int rank() {
    return shape.length;
  }

  public long dimension(int axis) {
    return shape[axis < 0 ? axis + shape.length : axis];
  }

  public long elements() {
    return elements;
  }

  public long byteSize() {
    return type.bytes(elements);
  }

  /** True when this tensor holds memory of its own. */
  public boolean ownsMemory() {
    return memory.owned();
  }

  /**
   * The content as a little-endian direct buffer that shares this tensor's memory; position 0,
   * limit {@link #byteSize()}.
   */
  public ByteBuffer buffer() {
    return memory.escape();
  }

  /**
   * The same memory under another shape of equally many elements; keeps this tensor's memory alive.
   */
  public Tensor reshaped(long... newShape) {
    if (elements(newShape) != elements) {
      throw new IllegalArgumentException(
          "cannot view " + Arrays.toString(shape) + " as " + Arrays.toString(newShape));
    }
    return view(type, buffer(), newShape);
  }

  /**
   * Rows {@code from} (inclusive) to {@code to} (exclusive) of the first dimension, without
   * copying.
   */
  public Tensor rows(long from, long to) {
    if (shape.length == 0 || from < 0 || to < from || to > shape[0] || type.bits() < 8) {
      throw new IllegalArgumentException(
          "rows " + from + ".." + to + " of " + type + Arrays.toString(shape));
    }
    long rowBytes = shape[0] == 0 ? 0 : byteSize() / shape[0];
    long[] newShape = shape.clone();
    newShape[0] = to - from;
    ByteBuffer slice = buffer().slice((int) (from * rowBytes), (int) ((to - from) * rowBytes));
    return view(type, slice, newShape);
  }

  /** A copy that owns its memory. */
  public Tensor copy() {
    Tensor copy = allocate(type, shape);
    copy.memory.bytes().put(memory.bytes());
    return copy;
  }

  /** The elements converted to float, for all numeric types of 8 bits or more. */
  public float[] toFloats() {
    return TensorElements.toFloats(this, memory.bytes());
  }

  /** The elements converted to long, for integer types and BOOL; 4-bit types are unpacked. */
  public long[] toLongs() {
    return TensorElements.toLongs(this, memory.bytes());
  }

  /** The bytes as they are stored. */
  public byte[] toBytes() {
    byte[] bytes = new byte[(int) byteSize()];
    memory.bytes().get(bytes);
    return bytes;
  }

  /**
   * For code that hands the address to native code: the memory stays valid until {@link
   * #release()}, whatever other threads close. Each call needs its release.
   *
   * @throws IllegalStateException after close
   */
  public ByteBuffer acquire() {
    return memory.acquire();
  }

  /** Ends an {@link #acquire()}. */
  public void release() {
    memory.release();
  }

  public boolean isClosed() {
    return memory.closed();
  }

  @Override
  public void close() {
    memory.close();
  }

  /** Type and shape, such as {@code FLOAT32[2, 384]}. */
  @Override
  public String toString() {
    return type + Arrays.toString(shape);
  }

  private static Tensor allocateFor(DataType type, int count, long[] shape) {
    long[] actual = shape;
    if (elements(actual) != count) {
      throw new IllegalArgumentException(
          count + " values do not fill the shape " + Arrays.toString(shape));
    }
    return allocate(type, actual);
  }

  private static long elements(long[] shape) {
    long count = 1;
    for (long size : shape) {
      if (size < 0) {
        throw new IllegalArgumentException("negative dimension in " + Arrays.toString(shape));
      }
      count = Math.multiplyExact(count, size);
    }
    return count;
  }

  private static long checkedBytes(DataType type, long[] shape) {
    if (type.bits() == 0) {
      throw new IllegalArgumentException(type + " tensors cannot be held off-heap");
    }
    long bytes;
    try {
      bytes = type.bytes(elements(shape));
    } catch (ArithmeticException overflow) {
      throw new IllegalArgumentException("shape too large: " + Arrays.toString(shape));
    }
    if (bytes > Integer.MAX_VALUE - ALIGNMENT) {
      throw new IllegalArgumentException(
          type
              + Arrays.toString(shape)
              + " has "
              + bytes
              + " bytes; one tensor holds at most 2 GiB");
    }
    return bytes;
  }

  /** Little-endian order is the only one supported, as on every platform Demitasse ships for. */
  static ByteBuffer littleEndian(ByteBuffer buffer) {
    return buffer.order(ByteOrder.LITTLE_ENDIAN);
  }
}
