package io.github.demitasse.format.onnx;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.github.demitasse.format.onnx.proto.AttributeProto;
import io.github.demitasse.format.onnx.proto.GraphProto;
import io.github.demitasse.format.onnx.proto.NodeProto;
import io.github.demitasse.format.onnx.proto.TensorProto;
import io.github.demitasse.format.onnx.proto.TensorShapeProto;
import io.github.demitasse.format.onnx.proto.TypeProto;
import io.github.demitasse.format.onnx.proto.ValueInfoProto;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.Map;
import java.util.TreeMap;

/** Thread-safe: graphs as {@code GraphProto}, without initializers. */
final class OnnxGraphWriter {
  private OnnxGraphWriter() {}

  static GraphProto graph(Graph graph) {
    GraphProto.Builder proto = GraphProto.newBuilder();
    proto.setName(graph.name().isEmpty() ? "graph" : graph.name()); // ONNX demands a name
    graph.nodes().forEach(node -> proto.addNode(node(node)));
    graph.inputs().forEach(input -> proto.addInput(value(input)));
    graph.outputs().forEach(output -> proto.addOutput(value(output)));
    new TreeMap<>(graph.values()).values().forEach(value -> proto.addValueInfo(value(value)));
    return proto.build();
  }

  private static NodeProto node(Node node) {
    NodeProto.Builder proto =
        NodeProto.newBuilder()
            .setName(node.name())
            .setOpType(node.operator())
            .addAllInput(node.inputs())
            .addAllOutput(node.outputs());
    if (!node.domain().isEmpty()) {
      proto.setDomain(node.domain());
    }
    for (Map.Entry<String, Attribute> entry : new TreeMap<>(node.attributes()).entrySet()) {
      proto.addAttribute(attribute(entry.getKey(), entry.getValue()));
    }
    return proto.build();
  }

  private static AttributeProto attribute(String name, Attribute attribute) {
    AttributeProto.Builder proto = AttributeProto.newBuilder().setName(name);
    if (attribute instanceof Attribute.OfInteger value) {
      proto.setType(AttributeKind.INT).setI(value.value());
    } else if (attribute instanceof Attribute.OfFloat value) {
      proto.setType(AttributeKind.FLOAT).setF(value.value());
    } else if (attribute instanceof Attribute.OfString value) {
      proto.setType(AttributeKind.STRING).setS(ByteString.copyFromUtf8(value.value()));
    } else if (attribute instanceof Attribute.OfTensor value) {
      proto.setType(AttributeKind.TENSOR).setT(tensor(value.value()));
    } else if (attribute instanceof Attribute.OfGraph value) {
      proto.setType(AttributeKind.GRAPH).setG(graph(value.value()));
    } else if (attribute instanceof Attribute.OfIntegers value) {
      proto.setType(AttributeKind.INTS).addAllInts(value.value());
    } else if (attribute instanceof Attribute.OfFloats value) {
      proto.setType(AttributeKind.FLOATS).addAllFloats(value.value());
    } else if (attribute instanceof Attribute.OfStrings value) {
      proto.setType(AttributeKind.STRINGS);
      value.value().forEach(text -> proto.addStrings(ByteString.copyFromUtf8(text)));
    } else if (attribute instanceof Attribute.Uninterpreted value) {
      try {
        return AttributeProto.parseFrom(ByteString.copyFrom(value.content())).toBuilder()
            .setName(name)
            .build();
      } catch (InvalidProtocolBufferException broken) {
        throw new IllegalArgumentException(
            "attribute '" + name + "' of kind " + value.kind() + " is broken", broken);
      }
    }
    return proto.build();
  }

  /** A tensor with its bytes. */
  private static TensorProto tensor(Tensor tensor) {
    TensorProto.Builder proto = tensorHead("", tensor).toBuilder();
    if (tensor.type() != DataType.STRING) {
      proto.setRawData(ByteString.copyFrom(tensor.buffer()));
    }
    return proto.build();
  }

  /** Name, type and shape of a tensor; the strings of a STRING tensor, other bytes not. */
  static TensorProto tensorHead(String name, Tensor tensor) {
    TensorProto.Builder proto = TensorProto.newBuilder().setDataType(tensor.type().onnxCode());
    if (!name.isEmpty()) {
      proto.setName(name);
    }
    for (long size : tensor.shape()) {
      proto.addDims(size);
    }
    if (tensor.type() == DataType.STRING) {
      for (byte[] text : tensor.toUtf8()) {
        proto.addStringData(ByteString.copyFrom(text));
      }
    }
    return proto.build();
  }

  private static ValueInfoProto value(ValueInfo value) {
    ValueInfoProto.Builder proto = ValueInfoProto.newBuilder().setName(value.name());
    if (value.type() == null) {
      return proto.build();
    }
    TypeProto.Tensor.Builder tensor =
        TypeProto.Tensor.newBuilder().setElemType(value.type().onnxCode());
    if (value.shape() != null) {
      TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
      for (Dimension dimension : value.shape().dimensions()) {
        TensorShapeProto.Dimension.Builder size = shape.addDimBuilder();
        if (dimension instanceof Dimension.Known known) {
          size.setDimValue(known.value());
        } else if (dimension instanceof Dimension.Symbol symbol) {
          size.setDimParam(symbol.name());
        }
      }
      tensor.setShape(shape);
    }
    return proto.setType(TypeProto.newBuilder().setTensorType(tensor)).build();
  }
}
