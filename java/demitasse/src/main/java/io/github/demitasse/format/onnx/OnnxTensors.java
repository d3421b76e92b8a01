package io.github.demitasse.format.onnx;

import com.google.protobuf.ByteString;
import io.github.demitasse.ModelFormatException;
import io.github.demitasse.format.MappedFile;
import io.github.demitasse.format.TensorViews;
import io.github.demitasse.format.onnx.proto.TensorProto;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Thread-safe: tensors from ONNX's {@code TensorProto}.
 *
 * <p>Raw and external data become views of the mapped file where they lie at a multiple of the
 * element size, as kernels need; elsewhere (protobuf does not align) they are copied.
 */
public final class OnnxTensors {
  /** ONNX's number of the data location "external". */
  static final int EXTERNAL = 1;

  private OnnxTensors() {}

  /**
   * Reads a file that holds one {@code TensorProto}.
   *
   * @throws ModelFormatException if it is broken
   * @throws java.io.UncheckedIOException if it cannot be read
   */
  public static Tensor read(Path file) {
    try (MappedFile mapped = MappedFile.open(file);
        ExternalData external = new ExternalData(file)) {
      OnnxParser.Initializer parsed = OnnxParser.parseTensor(file, mapped.slice(0, mapped.size()));
      return tensor(file, parsed.proto(), parsed.rawData(), external);
    }
  }

  /**
   * @param file for messages; may be null
   * @param rawData the tensor's raw data where the parser kept them out of the message; may be null
   */
  static Tensor tensor(Path file, TensorProto proto, ByteBuffer rawData, ExternalData external) {
    DataType type = type(file, proto);
    long[] shape = shape(file, proto);
    try {
      if (type == DataType.STRING) {
        return strings(file, proto, shape);
      }
      long bytes = byteSize(type, shape);
      if (proto.getDataLocation() == EXTERNAL) {
        return TensorViews.viewOrCopy(type, external.read(proto, bytes), shape);
      }
      if (rawData != null || proto.hasRawData()) {
        ByteBuffer raw = rawData != null ? rawData : proto.getRawData().asReadOnlyByteBuffer();
        if (raw.remaining() != bytes) {
          throw broken(file, proto, "needs " + bytes + " bytes, has " + raw.remaining());
        }
        return TensorViews.viewOrCopy(type, raw, shape);
      }
      return typed(file, proto, type, shape);
    } catch (IllegalArgumentException | ArithmeticException invalid) {
      throw broken(file, proto, "cannot be held: " + invalid.getMessage());
    }
  }

  private static DataType type(Path file, TensorProto proto) {
    try {
      return DataType.ofOnnxCode(proto.getDataType());
    } catch (IllegalArgumentException unknown) {
      throw broken(file, proto, "has the unknown element type " + proto.getDataType());
    }
  }

  private static long[] shape(Path file, TensorProto proto) {
    long[] shape = proto.getDimsList().stream().mapToLong(Long::longValue).toArray();
    for (long size : shape) {
      if (size < 0) {
        throw broken(file, proto, "has a negative dimension: " + Arrays.toString(shape));
      }
    }
    return shape;
  }

  private static long byteSize(DataType type, long[] shape) {
    long elements = 1;
    for (long size : shape) {
      elements = Math.multiplyExact(elements, size);
    }
    return type.bytes(elements);
  }

  private static Tensor strings(Path file, TensorProto proto, long[] shape) {
    List<ByteString> values = proto.getStringDataList();
    byte[][] encoded = new byte[values.size()][];
    for (int i = 0; i < encoded.length; i++) {
      encoded[i] = values.get(i).toByteArray();
    }
    if (proto.getDataLocation() == EXTERNAL) {
      throw broken(file, proto, "keeps strings in external data, which ONNX does not allow");
    }
    return Tensor.ofUtf8(encoded, shape);
  }

  /** A tensor from the field that belongs to its type: one entry per element unless said. */
  private static Tensor typed(Path file, TensorProto proto, DataType type, long[] shape) {
    int count =
        switch (type) {
          case FLOAT32, COMPLEX64 -> proto.getFloatDataCount();
          case FLOAT64, COMPLEX128 -> proto.getDoubleDataCount();
          case INT64 -> proto.getInt64DataCount();
          case UINT32, UINT64 -> proto.getUint64DataCount();
          default -> proto.getInt32DataCount();
        };
    long expected =
        switch (type) {
          case COMPLEX64, COMPLEX128 -> 2 * (byteSize(type, shape) * 8 / type.bits());
          case UINT4, INT4, FLOAT4E2M1, UINT2, INT2 -> byteSize(type, shape); // a byte per entry
          default -> byteSize(type, shape) * 8 / type.bits();
        };
    if (count != expected) {
      throw broken(file, proto, "needs " + expected + " values, has " + count);
    }
    Tensor tensor = Tensor.allocate(type, shape);
    ByteBuffer out = tensor.acquire();
    for (int i = 0; i < count; i++) {
      switch (type) {
        case FLOAT32, COMPLEX64 -> out.putFloat(proto.getFloatData(i));
        case FLOAT64, COMPLEX128 -> out.putDouble(proto.getDoubleData(i));
        case INT64 -> out.putLong(proto.getInt64Data(i));
        case UINT64 -> out.putLong(proto.getUint64Data(i));
        case UINT32 -> out.putInt((int) proto.getUint64Data(i));
        case INT32 -> out.putInt(proto.getInt32Data(i));
        case BOOL -> out.put((byte) (proto.getInt32Data(i) != 0 ? 1 : 0));
        case INT16, UINT16, FLOAT16, BFLOAT16 -> out.putShort((short) proto.getInt32Data(i));
        default -> out.put((byte) proto.getInt32Data(i));
      }
    }
    tensor.release();
    return tensor;
  }

  private static ModelFormatException broken(Path file, TensorProto proto, String message) {
    String name = proto.getName().isEmpty() ? "a tensor" : "tensor '" + proto.getName() + "'";
    return new ModelFormatException(file, -1, name + " " + message);
  }
}
