package io.github.demitasse.format.onnx;

import io.github.demitasse.Model;
import io.github.demitasse.format.onnx.proto.AttributeProto;
import io.github.demitasse.format.onnx.proto.GraphProto;
import io.github.demitasse.format.onnx.proto.ModelProto;
import io.github.demitasse.format.onnx.proto.NodeProto;
import io.github.demitasse.format.onnx.proto.OperatorSetIdProto;
import io.github.demitasse.format.onnx.proto.TensorProto;
import io.github.demitasse.format.onnx.proto.TensorShapeProto;
import io.github.demitasse.format.onnx.proto.TypeProto;
import io.github.demitasse.format.onnx.proto.ValueInfoProto;
import io.github.demitasse.tensor.DataType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Builds ONNX messages for tests. */
final class OnnxProtos {
  private OnnxProtos() {}

  static ModelProto.Builder model(GraphProto.Builder graph) {
    return ModelProto.newBuilder().setIrVersion(8).addOpsetImport(opset("", 17)).setGraph(graph);
  }

  static OperatorSetIdProto opset(String domain, int version) {
    return OperatorSetIdProto.newBuilder().setDomain(domain).setVersion(version).build();
  }

  /** A graph of these nodes with input x and output y. */
  static GraphProto.Builder graph(NodeProto... nodes) {
    return GraphProto.newBuilder()
        .setName("graph")
        .addInput(value("x", DataType.FLOAT32, 2, 3))
        .addOutput(value("y", DataType.FLOAT32, 2, 3))
        .addAllNode(List.of(nodes));
  }

  static NodeProto node(String operator, List<String> inputs, List<String> outputs) {
    return NodeProto.newBuilder()
        .setOpType(operator)
        .addAllInput(inputs)
        .addAllOutput(outputs)
        .build();
  }

  static ValueInfoProto value(String name, DataType type, long... shape) {
    TensorShapeProto.Builder dimensions = TensorShapeProto.newBuilder();
    for (long size : shape) {
      dimensions.addDimBuilder().setDimValue(size);
    }
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder()
                        .setElemType(type.onnxCode())
                        .setShape(dimensions)))
        .build();
  }

  static TensorProto.Builder tensor(String name, DataType type, long... shape) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setName(name).setDataType(type.onnxCode());
    for (long size : shape) {
      tensor.addDims(size);
    }
    return tensor;
  }

  static AttributeProto attribute(String name, long value) {
    return AttributeProto.newBuilder().setName(name).setType(AttributeKind.INT).setI(value).build();
  }

  static AttributeProto attribute(String name, GraphProto.Builder value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeKind.GRAPH)
        .setG(value)
        .build();
  }

  /** Writes the message to a file and reads that. */
  static Model read(ModelProto.Builder model, Path folder) {
    try {
      return OnnxReader.read(Files.write(folder.resolve("m.onnx"), model.build().toByteArray()));
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }
}
