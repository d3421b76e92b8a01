package io.github.demitasse.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Safe for concurrent reading: a typed, shaped array outside the Java heap, in row-major order and
 * little-endian; one tensor holds at most 2 GiB.
 *
 * <p>A tensor either owns its memory ({@link #allocate}) or is a view of somebody else's, such as a
 * mapped file ({@link #view}). {@link #close()} gives owned memory back at once, unless a {@link
 * #buffer()} of it was handed out: then the collector frees it when nobody holds it any more.
 * Closing twice is harmless; use after close is an {@link IllegalStateException}.
 *
 * <p>With the system property {@code demitasse.leakDetection} set to true, a tensor that owns
 * memory and becomes garbage without having been closed is logged as a warning with the place where
 * it was allocated. Tensors that are part of a model are exempt, see {@link #leaveToCollector()}.
 */
public final class Tensor implements AutoCloseable {
  /** Alignment of owned memory, in bytes. */
  public static final int ALIGNMENT = 64;

  private static final int MAX_BYTES = Integer.MAX_VALUE - 2 * ALIGNMENT;

  private final DataType type;
  private final long[] shape;
  private final long elements;
  private final TensorMemory memory;

  private Tensor(DataType type, long[] shape, TensorMemory memory) {
    this.type = type;
    this.shape = shape;
    this.elements = checkedElements(shape);
    this.memory = memory;
  }

  /** A tensor of zeros that owns its memory. */
  public static Tensor allocate(DataType type, long... shape) {
    long bytes = checkedBytes(type, shape);
    return new Tensor(type, shape.clone(), allocateMemory(bytes));
  }

  /**
   * A view of the remaining bytes of {@code memory}, which must be direct and exactly as large as
   * type and shape say. The buffer is kept reachable; closing the view does not free it. Kernels
   * need the bytes at a multiple of the element size.
   *
   * @throws IllegalArgumentException if the buffer does not fit
   */
  public static Tensor view(DataType type, ByteBuffer memory, long... shape) {
    if (!memory.isDirect()) {
      throw new IllegalArgumentException("a tensor view needs a direct buffer");
    }
    if (type == DataType.STRING) {
      StringTable.check(memory.slice().order(ByteOrder.LITTLE_ENDIAN), checkedElements(shape));
      return new Tensor(type, shape.clone(), TensorMemory.view(memory));
    }
    long bytes = checkedBytes(type, shape);
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
    tensor.memory.acquire().asFloatBuffer().put(values);
    tensor.memory.release();
    return tensor;
  }

  public static Tensor of(double[] values, long... shape) {
    Tensor tensor = allocateFor(DataType.FLOAT64, values.length, shape);
    tensor.memory.acquire().asDoubleBuffer().put(values);
    tensor.memory.release();
    return tensor;
  }

  public static Tensor of(long[] values, long... shape) {
    Tensor tensor = allocateFor(DataType.INT64, values.length, shape);
    tensor.memory.acquire().asLongBuffer().put(values);
    tensor.memory.release();
    return tensor;
  }

  public static Tensor of(int[] values, long... shape) {
    Tensor tensor = allocateFor(DataType.INT32, values.length, shape);
    tensor.memory.acquire().asIntBuffer().put(values);
    tensor.memory.release();
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
    tensor.memory.acquire().put(values);
    tensor.memory.release();
    return tensor;
  }

  /** A STRING tensor. */
  public static Tensor of(String[] values, long... shape) {
    byte[][] encoded = new byte[values.length][];
    for (int i = 0; i < values.length; i++) {
      encoded[i] = values[i].getBytes(StandardCharsets.UTF_8);
    }
    return ofUtf8(encoded, shape);
  }

  /** A STRING tensor of strings that are encoded already. */
  public static Tensor ofUtf8(byte[][] values, long... shape) {
    if (checkedElements(shape) != values.length) {
      throw new IllegalArgumentException(
          values.length + " values do not fill the shape " + Arrays.toString(shape));
    }
    long bytes = StringTable.bytes(values);
    if (bytes > MAX_BYTES) {
      throw new IllegalArgumentException(bytes + " bytes of strings; at most 2 GiB are supported");
    }
    Tensor tensor = new Tensor(DataType.STRING, shape.clone(), allocateMemory(bytes));
    StringTable.write(values, tensor.memory.acquire());
    tensor.memory.release();
    return tensor;
  }

  /**
   * Floats in a floating-point type, rounded half to even.
   *
   * @param type FLOAT32, FLOAT64, FLOAT16 or BFLOAT16
   */
  public static Tensor fromFloats(DataType type, float[] values, long... shape) {
    if (type == DataType.FLOAT32) {
      return of(values, shape);
    }
    if (!type.isFloatingPoint()) {
      throw new IllegalArgumentException(type + " does not hold floats");
    }
    Tensor tensor = allocateFor(type, values.length, shape);
    TensorElements.fromFloats(type, values, tensor.memory.acquire());
    tensor.memory.release();
    return tensor;
  }

  /**
   * Integers in an integer type; types below 8 bits are packed, the first element in the low bits.
   *
   * @throws IllegalArgumentException if the type is none, or a value is outside its range
   */
  public static Tensor ofIntegers(DataType type, long[] values, long... shape) {
    if (!type.isInteger()) {
      throw new IllegalArgumentException(type + " does not hold integers");
    }
    Tensor tensor = allocateFor(type, values.length, shape);
    TensorElements.fromLongs(type, values, tensor.memory.acquire());
    tensor.memory.release();
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

  /** The bytes of its memory; for STRING with the table of offsets. */
  public long byteSize() {
    return type == DataType.STRING ? memory.size() : type.bytes(elements);
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
    if (checkedElements(newShape) != elements) {
      throw new IllegalArgumentException(
          "cannot view " + Arrays.toString(shape) + " as " + Arrays.toString(newShape));
    }
    return view(type, buffer(), newShape);
  }

  /**
   * Rows {@code from} (inclusive) to {@code to} (exclusive) of the first dimension, without
   * copying; keeps this tensor's memory alive.
   *
   * @throws IllegalArgumentException if there are no such rows, or a row does not begin at a whole
   *     byte, or this is a STRING tensor
   */
  public Tensor rows(long from, long to) {
    boolean rows = shape.length > 0 && from >= 0 && from <= to && to <= shape[0];
    long rowBits = rows && shape[0] > 0 ? elements / shape[0] * type.bits() : 0;
    if (!rows || type == DataType.STRING || rowBits % 8 != 0) {
      throw new IllegalArgumentException(
          "rows " + from + " to " + to + " of " + this + " are not a part of its bytes");
    }
    long[] newShape = shape.clone();
    newShape[0] = to - from;
    int start = (int) (from * (rowBits / 8));
    return view(type, buffer().slice(start, (int) ((to - from) * (rowBits / 8))), newShape);
  }

  /** A copy that owns its memory. */
  public Tensor copy() {
    ByteBuffer bytes = memory.acquire();
    try {
      Tensor copy = new Tensor(type, shape, allocateMemory(byteSize()));
      copy.memory.acquire().put(bytes);
      copy.memory.release();
      return copy;
    } finally {
      memory.release();
    }
  }

  /**
   * The elements converted to float, rounded to nearest.
   *
   * @throws IllegalArgumentException for STRING, complex and 8-bit or smaller floating types
   */
  public float[] toFloats() {
    ByteBuffer bytes = memory.acquire();
    try {
      return TensorElements.toFloats(this, bytes);
    } finally {
      memory.release();
    }
  }

  /**
   * The elements as they are, for integer types and BOOL; types below 8 bits are unpacked. UINT64
   * beyond 63 bits comes out negative.
   *
   * @throws IllegalArgumentException for any other type
   */
  public long[] toLongs() {
    ByteBuffer bytes = memory.acquire();
    try {
      return TensorElements.toLongs(this, bytes);
    } finally {
      memory.release();
    }
  }

  /**
   * The elements of a STRING tensor.
   *
   * @throws IllegalArgumentException for any other type
   */
  public String[] toStrings() {
    byte[][] encoded = toUtf8();
    String[] values = new String[encoded.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = new String(encoded[i], StandardCharsets.UTF_8);
    }
    return values;
  }

  /** The elements of a STRING tensor as they are stored. */
  public byte[][] toUtf8() {
    if (type != DataType.STRING) {
      throw new IllegalArgumentException(this + " does not hold strings");
    }
    ByteBuffer bytes = memory.acquire();
    try {
      return StringTable.read(bytes, (int) elements);
    } finally {
      memory.release();
    }
  }

  /** The bytes as they are stored. */
  public byte[] toBytes() {
    byte[] copy = new byte[(int) byteSize()];
    memory.acquire().get(copy);
    memory.release();
    return copy;
  }

  /**
   * Says that nobody will close this tensor, as is right for a part of a model: then the collector
   * frees its memory, and leak detection does not report it.
   *
   * @return this tensor
   */
  public Tensor leaveToCollector() {
    memory.leaveToCollector();
    return this;
  }

  /**
   * The content for a use that ends: the memory stays valid until {@link #release()}, whatever
   * other threads close. Each call needs its release. For code that hands the address to native
   * code.
   *
   * @return a little-endian direct buffer of position 0 and limit {@link #byteSize()}
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
    if (checkedElements(shape) != count) {
      throw new IllegalArgumentException(
          count + " values do not fill the shape " + Arrays.toString(shape));
    }
    return allocate(type, shape);
  }

  private static long checkedElements(long[] shape) {
    long count = 1;
    for (long size : shape) {
      if (size < 0) {
        throw new IllegalArgumentException("negative dimension in " + Arrays.toString(shape));
      }
      try {
        count = Math.multiplyExact(count, size);
      } catch (ArithmeticException overflow) {
        throw new IllegalArgumentException("shape too large: " + Arrays.toString(shape));
      }
    }
    return count;
  }

  private static long checkedBytes(DataType type, long[] shape) {
    if (type.bits() == 0) {
      throw new IllegalArgumentException(type + " has no fixed size per element");
    }
    long elements = checkedElements(shape);
    if (elements > Long.MAX_VALUE / 128 || type.bytes(elements) > MAX_BYTES) {
      throw new IllegalArgumentException(
          type + Arrays.toString(shape) + " is too large; one tensor holds at most 2 GiB");
    }
    return type.bytes(elements);
  }

  private static TensorMemory allocateMemory(long bytes) {
    return TensorMemory.allocate((int) bytes, LeakDetector.configured());
  }
}
