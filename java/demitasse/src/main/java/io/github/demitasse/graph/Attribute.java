package io.github.demitasse.graph;

import io.github.demitasse.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.List;

/** Immutable: an attribute of a node, of one of the kinds ONNX knows. */
public sealed interface Attribute {
  record OfInteger(long value) implements Attribute {}

  record OfFloat(float value) implements Attribute {}

  record OfString(String value) implements Attribute {}

  record OfTensor(Tensor value) implements Attribute {
    public OfTensor {
      value.leaveToCollector();
    }
  }

  record OfGraph(Graph value) implements Attribute {}

  record OfIntegers(List<Long> value) implements Attribute {
    public OfIntegers {
      value = List.copyOf(value);
    }
  }

  record OfFloats(List<Float> value) implements Attribute {
    public OfFloats {
      value = List.copyOf(value);
    }
  }

  record OfStrings(List<String> value) implements Attribute {
    public OfStrings {
      value = List.copyOf(value);
    }
  }

  /**
   * A value of a kind that Demitasse does not interpret: it survives reading and writing.
   *
   * @param kind ONNX's number of the kind of attribute
   * @param content the encoded {@code AttributeProto}; read-only
   */
  record Uninterpreted(int kind, ByteBuffer content) implements Attribute {
    public Uninterpreted {
      content = content.asReadOnlyBuffer();
    }

    @Override
    public ByteBuffer content() {
      return content.duplicate();
    }
  }

  static Attribute of(long value) {
    return new OfInteger(value);
  }

  static Attribute of(float value) {
    return new OfFloat(value);
  }

  static Attribute of(String value) {
    return new OfString(value);
  }

  static Attribute of(Tensor value) {
    return new OfTensor(value);
  }

  static Attribute ofIntegers(List<Long> value) {
    return new OfIntegers(value);
  }

  static Attribute ofFloats(List<Float> value) {
    return new OfFloats(value);
  }

  static Attribute ofStrings(List<String> value) {
    return new OfStrings(value);
  }
}
