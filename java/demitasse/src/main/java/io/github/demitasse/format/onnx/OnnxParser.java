package io.github.demitasse.format.onnx;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import com.google.protobuf.WireFormat;
import io.github.demitasse.ModelFormatException;
import io.github.demitasse.format.onnx.proto.GraphProto;
import io.github.demitasse.format.onnx.proto.ModelProto;
import io.github.demitasse.format.onnx.proto.TensorProto;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Not thread-safe: takes a {@code ModelProto} apart without copying the bytes of its initializers.
 *
 * <p>protobuf-java copies every bytes field to the heap. So the way model, graph, initializer, raw
 * data is walked field by field here; everything beside it is small and left to the generated
 * classes.
 */
final class OnnxParser {
  /** A graph's initializer: its message without raw data, and the raw data or null. */
  record Initializer(TensorProto proto, ByteBuffer rawData) {}

  /** A model message whose graph lacks the initializers, and these. */
  record Parsed(ModelProto model, List<Initializer> initializers) {}

  @FunctionalInterface
  private interface FieldReader {
    /** Reads the length-delimited field whose first byte is next and whose length is given. */
    void read(int length) throws IOException;
  }

  private final Path file;
  private final ByteBuffer bytes;
  private final CodedInputStream input;
  private final List<Initializer> initializers = new ArrayList<>();

  private OnnxParser(Path file, ByteBuffer bytes) {
    this.file = file;
    this.bytes = bytes;
    this.input = CodedInputStream.newInstance(new ByteBufferInputStream(bytes.duplicate()));
  }

  /**
   * Parses the remaining bytes of a direct buffer, which the raw data become slices of.
   *
   * @param file for messages; may be null
   */
  static Parsed parse(Path file, ByteBuffer bytes) {
    return new OnnxParser(file, bytes).parse();
  }

  /** Parses a lone {@code TensorProto}. */
  static Initializer parseTensor(Path file, ByteBuffer bytes) {
    OnnxParser parser = new OnnxParser(file, bytes);
    try {
      return parser.readTensor();
    } catch (IOException broken) {
      throw parser.broken(broken);
    }
  }

  private Parsed parse() {
    try {
      ModelProto.Builder model = ModelProto.newBuilder();
      ByteBuffer rest =
          split(ModelProto.GRAPH_FIELD_NUMBER, length -> nested(length, () -> readGraph(model)));
      model.mergeFrom(CodedInputStream.newInstance(rest));
      return new Parsed(model.build(), initializers);
    } catch (IOException broken) {
      throw broken(broken);
    }
  }

  private void readGraph(ModelProto.Builder model) throws IOException {
    if (model.hasGraph()) {
      throw new ModelFormatException(file, input.getTotalBytesRead(), "a second graph");
    }
    ByteBuffer rest =
        split(
            GraphProto.INITIALIZER_FIELD_NUMBER,
            length -> nested(length, () -> initializers.add(readTensor())));
    model.setGraph(GraphProto.parseFrom(rest));
  }

  private Initializer readTensor() throws IOException {
    ByteBuffer[] rawData = {null};
    ByteBuffer rest =
        split(
            TensorProto.RAW_DATA_FIELD_NUMBER,
            length -> {
              int start = bytes.position() + input.getTotalBytesRead();
              input.skipRawBytes(length);
              rawData[0] = bytes.slice(start, length);
            });
    return new Initializer(TensorProto.parseFrom(rest), rawData[0]);
  }

  /** Hands the fields of one number to the reader and gives back all others, encoded again. */
  private ByteBuffer split(int fieldNumber, FieldReader reader) throws IOException {
    int wanted = fieldNumber << 3 | WireFormat.WIRETYPE_LENGTH_DELIMITED;
    UnknownFieldSet.Builder others = UnknownFieldSet.newBuilder();
    while (!input.isAtEnd()) {
      int tag = input.readTag();
      if (tag != wanted) {
        if (!others.mergeFieldFrom(tag, input)) {
          throw new InvalidProtocolBufferException("a group ends that never began");
        }
        continue;
      }
      int length = input.readRawVarint32();
      int available = input.getBytesUntilLimit();
      if (available < 0) {
        available = bytes.remaining() - input.getTotalBytesRead();
      }
      if (length < 0 || length > available) {
        throw new InvalidProtocolBufferException(
            "field "
                + fieldNumber
                + " claims "
                + Integer.toUnsignedString(length)
                + " bytes where "
                + available
                + " are left");
      }
      reader.read(length);
    }
    return others.build().toByteString().asReadOnlyByteBuffer();
  }

  @FunctionalInterface
  private interface MessageReader {
    void read() throws IOException;
  }

  private void nested(int length, MessageReader reader) throws IOException {
    int limit = input.pushLimit(length);
    reader.read();
    input.popLimit(limit);
  }

  private ModelFormatException broken(IOException cause) {
    return new ModelFormatException(
        file, input.getTotalBytesRead(), "not a valid ONNX file: " + cause.getMessage(), cause);
  }

  /** The remaining bytes of a buffer as a stream. */
  private static final class ByteBufferInputStream extends InputStream {
    private final ByteBuffer buffer;

    ByteBufferInputStream(ByteBuffer buffer) {
      this.buffer = buffer;
    }

    @Override
    public int read() {
      return buffer.hasRemaining() ? Byte.toUnsignedInt(buffer.get()) : -1;
    }

    @Override
    public int read(byte[] target, int offset, int length) {
      if (length == 0) {
        return 0;
      }
      if (!buffer.hasRemaining()) {
        return -1;
      }
      int count = Math.min(length, buffer.remaining());
      buffer.get(target, offset, count);
      return count;
    }

    @Override
    public long skip(long count) {
      int skipped = (int) Math.max(0, Math.min(count, buffer.remaining()));
      buffer.position(buffer.position() + skipped);
      return skipped;
    }

    @Override
    public int available() {
      return buffer.remaining();
    }
  }
}
