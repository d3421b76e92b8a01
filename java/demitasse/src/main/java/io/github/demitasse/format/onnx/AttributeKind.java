package io.github.demitasse.format.onnx;

import io.github.demitasse.format.onnx.proto.AttributeProto;

/** Numbers of ONNX's {@code AttributeProto.AttributeType}. */
final class AttributeKind {
  static final int UNDEFINED = 0;
  static final int FLOAT = 1;
  static final int INT = 2;
  static final int STRING = 3;
  static final int TENSOR = 4;
  static final int GRAPH = 5;
  static final int FLOATS = 6;
  static final int INTS = 7;
  static final int STRINGS = 8;

  private AttributeKind() {}

  /** The kind of an attribute that does not say it, as old files do not: told by what it holds. */
  static int guess(AttributeProto proto) {
    if (proto.hasF()) {
      return FLOAT;
    } else if (proto.hasI()) {
      return INT;
    } else if (proto.hasS()) {
      return STRING;
    } else if (proto.hasT()) {
      return TENSOR;
    } else if (proto.hasG()) {
      return GRAPH;
    } else if (proto.getFloatsCount() > 0) {
      return FLOATS;
    } else if (proto.getIntsCount() > 0) {
      return INTS;
    } else if (proto.getStringsCount() > 0) {
      return STRINGS;
    }
    return UNDEFINED;
  }
}
