package io.github.demitasse.format.onnx;

import static io.github.demitasse.format.onnx.OnnxProtos.attribute;
import static io.github.demitasse.format.onnx.OnnxProtos.graph;
import static io.github.demitasse.format.onnx.OnnxProtos.model;
import static io.github.demitasse.format.onnx.OnnxProtos.node;
import static io.github.demitasse.format.onnx.OnnxProtos.opset;
import static io.github.demitasse.format.onnx.OnnxProtos.tensor;
import static io.github.demitasse.format.onnx.OnnxProtos.value;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.github.demitasse.Model;
import io.github.demitasse.ModelFormatException;
import io.github.demitasse.format.onnx.proto.AttributeProto;
import io.github.demitasse.format.onnx.proto.FunctionProto;
import io.github.demitasse.format.onnx.proto.GraphProto;
import io.github.demitasse.format.onnx.proto.ModelProto;
import io.github.demitasse.format.onnx.proto.NodeProto;
import io.github.demitasse.format.onnx.proto.TensorShapeProto;
import io.github.demitasse.format.onnx.proto.TypeProto;
import io.github.demitasse.format.onnx.proto.ValueInfoProto;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.TestModels;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OnnxGraphsTest {
  @TempDir Path folder;

  @Test
  void initializersAmongTheInputsAreNoInputs() {
    ModelProto.Builder proto =
        model(
                graph(node("Add", List.of("x", "w"), List.of("y")))
                    .addInput(value("w", DataType.FLOAT32, 3))
                    .addInitializer(
                        tensor("w", DataType.FLOAT32, 3).addAllFloatData(List.of(1f, 2f, 3f))))
            .setIrVersion(3);
    Model model = read(proto);
    assertEquals(List.of("x"), model.graph().inputs().stream().map(i -> i.name()).toList());
    assertEquals(3, model.weights().get("w").elements());
  }

  @Test
  void constantsOfEveryKindBecomeWeights() {
    GraphProto.Builder graph =
        graph(
            constant(
                "t",
                AttributeProto.newBuilder()
                    .setName("value")
                    .setType(AttributeKind.TENSOR)
                    .setT(tensor("", DataType.INT8, 2).addInt32Data(1).addInt32Data(-1))),
            constant(
                "f",
                AttributeProto.newBuilder()
                    .setName("value_float")
                    .setType(AttributeKind.FLOAT)
                    .setF(2.5f)),
            constant(
                "i",
                AttributeProto.newBuilder()
                    .setName("value_int")
                    .setType(AttributeKind.INT)
                    .setI(7)),
            constant(
                "fs",
                AttributeProto.newBuilder()
                    .setName("value_floats")
                    .setType(AttributeKind.FLOATS)
                    .addFloats(1)
                    .addFloats(2)),
            constant(
                "is",
                AttributeProto.newBuilder()
                    .setName("value_ints")
                    .setType(AttributeKind.INTS)
                    .addInts(3)),
            constant(
                "s",
                AttributeProto.newBuilder()
                    .setName("value_string")
                    .setType(AttributeKind.STRING)
                    .setS(ByteString.copyFromUtf8("a"))),
            constant(
                "ss",
                AttributeProto.newBuilder()
                    .setName("value_strings")
                    .setType(AttributeKind.STRINGS)
                    .addStrings(ByteString.copyFromUtf8("b"))),
            node("Relu", List.of("x"), List.of("y")));
    Model model = read(model(graph));
    assertEquals(1, model.graph().nodes().size());
    assertArrayEquals(new long[] {1, -1}, weight(model, "t").toLongs());
    assertArrayEquals(new float[] {2.5f}, weight(model, "f").toFloats());
    assertEquals(0, weight(model, "i").rank());
    assertArrayEquals(new float[] {1, 2}, weight(model, "fs").toFloats());
    assertArrayEquals(new long[] {1}, weight(model, "is").shape());
    assertArrayEquals(new String[] {"a"}, weight(model, "s").toStrings());
    assertArrayEquals(new String[] {"b"}, weight(model, "ss").toStrings());
  }

  private static NodeProto constant(String output, AttributeProto.Builder value) {
    return node("Constant", List.of(), List.of(output)).toBuilder().addAttribute(value).build();
  }

  private static Tensor weight(Model model, String name) {
    return model.weights().get(name).parts().get("");
  }

  @Test
  void nodesWithoutNamesGetUniqueOnes() {
    Model model =
        read(
            model(
                graph(
                    node("Relu", List.of("x"), List.of("a")),
                    node("Relu", List.of("a"), List.of("b")).toBuilder().setName("Relu_0").build(),
                    node("Relu", List.of("b"), List.of("c")).toBuilder().setName("same").build(),
                    node("Relu", List.of("c"), List.of("y")).toBuilder().setName("same").build())));
    assertEquals(
        List.of("Relu_0_2", "Relu_0", "same", "same_3"),
        model.graph().nodes().stream().map(Node::name).toList());
  }

  @Test
  void nodesOutOfOrderAreSorted() {
    Model model =
        read(
            model(
                graph(
                    node("C", List.of("b"), List.of("y")),
                    node("B", List.of("a"), List.of("b")),
                    node("A", List.of("x"), List.of("a")))));
    assertEquals(List.of("A", "B", "C"), operators(model.graph()));
  }

  @Test
  void aCycleIsNamed() {
    assertBroken(
        "a cycle: 'B_1' -> 'C_2' -> 'B_1'",
        graph(
            node("A", List.of("x"), List.of("a")),
            node("B", List.of("a", "c"), List.of("b")),
            node("C", List.of("b"), List.of("c")),
            node("D", List.of("c"), List.of("y"))));
  }

  @Test
  void aNodeThatReadsItselfIsACycle() {
    assertBroken("a cycle: 'A_0' -> 'A_0'", graph(node("A", List.of("x", "y"), List.of("y"))));
  }

  @Test
  void undefinedAndDoubleValuesAreNamed() {
    assertBroken(
        "node 'A_0' reads value 'q', which is not defined",
        graph(node("A", List.of("q"), List.of("y"))));
    assertBroken("output 'y' is not defined", graph(node("A", List.of("x"), List.of("q"))));
    assertBroken(
        "value 'y' of node 'B_1' is defined by node 'A_0', too",
        graph(node("A", List.of("x"), List.of("y")), node("B", List.of("x"), List.of("y"))));
    assertBroken(
        "value 'x' of node 'A_0' is defined already as an input or weight",
        graph(node("A", List.of("x"), List.of("x", "y"))));
    assertBroken(
        "initializer 'w' is defined twice",
        graph(node("A", List.of("x"), List.of("y")))
            .addInitializer(tensor("w", DataType.FLOAT32, 0))
            .addInitializer(tensor("w", DataType.FLOAT32, 0)));
    assertBroken(
        "input 'x' is defined twice",
        graph(node("A", List.of("x"), List.of("y"))).addInput(value("x", DataType.FLOAT32)));
    assertBroken(
        "output 'y' is listed twice",
        graph(node("A", List.of("x"), List.of("y"))).addOutput(value("y", DataType.FLOAT32)));
    assertBroken(
        "attribute 'k' of node 'A_0' is given twice",
        graph(
            node("A", List.of("x"), List.of("y")).toBuilder()
                .addAttribute(attribute("k", 1))
                .addAttribute(attribute("k", 2))
                .build()));
  }

  @Test
  void whatAModelCannotDoWithoutIsNamed() {
    GraphProto.Builder graph = graph(node("A", List.of("x"), List.of("y")));
    assertBroken("has no graph", model(graph).clearGraph());
    assertBroken("IR version 2", model(graph).setIrVersion(2));
    assertBroken("imports no operator set", model(graph).clearOpsetImport());
    assertBroken("imported in two versions", model(graph).addOpsetImport(opset("ai.onnx", 18)));
    assertBroken(
        "the model imports no operator set of domain 'com.example'",
        model(
            graph(
                node("A", List.of("x"), List.of("y")).toBuilder()
                    .setDomain("com.example")
                    .build())));
    assertBroken("has no operator", model(graph(node("", List.of("x"), List.of("y")))));
  }

  @Test
  void dimensionsAreSizesSymbolsOrUnknown() {
    ValueInfoProto input =
        ValueInfoProto.newBuilder()
            .setName("x")
            .setType(
                TypeProto.newBuilder()
                    .setTensorType(
                        TypeProto.Tensor.newBuilder()
                            .setElemType(DataType.FLOAT32.onnxCode())
                            .setShape(
                                TensorShapeProto.newBuilder()
                                    .addDim(dimension().setDimParam("batch"))
                                    .addDim(dimension().setDimValue(-1))
                                    .addDim(dimension())
                                    .addDim(dimension().setDimValue(0))
                                    .addDim(dimension().setDimValue(7)))))
            .build();
    Model model =
        read(model(graph(node("A", List.of("x"), List.of("y"))).clearInput().addInput(input)));
    assertEquals(
        Shape.of(
            Dimension.symbol("batch"),
            Dimension.unknown(),
            Dimension.unknown(),
            Dimension.of(0),
            Dimension.of(7)),
        model.graph().inputs().get(0).shape());
  }

  private static TensorShapeProto.Dimension.Builder dimension() {
    return TensorShapeProto.Dimension.newBuilder();
  }

  @Test
  void subgraphsKeepTheirConstantsAndSeeOuterValues() {
    GraphProto.Builder branch =
        GraphProto.newBuilder()
            .setName("branch")
            .addOutput(value("r", DataType.FLOAT32))
            .addInitializer(tensor("c", DataType.FLOAT32).addFloatData(4))
            .addNode(node("Add", List.of("a", "c"), List.of("r")));
    NodeProto conditional =
        node("If", List.of("x"), List.of("y")).toBuilder()
            .addAttribute(attribute("then_branch", branch))
            .build();
    Model model = read(model(graph(conditional, node("A", List.of("x"), List.of("a")))));
    assertEquals(List.of("A", "If"), operators(model.graph()));
    Graph inner =
        ((Attribute.OfGraph) model.graph().nodes().get(1).attributes().get("then_branch")).value();
    assertEquals(List.of("Constant", "Add"), operators(inner));
    Path copy = folder.resolve("copy.onnx");
    model.save(copy);
    TestModels.assertSame(model, Model.load(copy));
  }

  @Test
  void anUndefinedValueInASubgraphIsNamed() {
    GraphProto.Builder branch =
        GraphProto.newBuilder()
            .addOutput(value("r", DataType.FLOAT32))
            .addNode(node("Neg", List.of("nowhere"), List.of("r")));
    assertBroken(
        "reads value 'nowhere', which is not defined",
        graph(
            node("If", List.of("x"), List.of("y")).toBuilder()
                .addAttribute(attribute("then_branch", branch))
                .build()));
  }

  @Test
  void deepNestingIsAFormatError() {
    GraphProto.Builder inner = graph(node("A", List.of("x"), List.of("y")));
    for (int i = 0; i < 200; i++) {
      inner =
          graph(
              node("If", List.of("x"), List.of("y")).toBuilder()
                  .addAttribute(attribute("then_branch", inner))
                  .build());
    }
    GraphProto.Builder deep = inner;
    assertThrows(ModelFormatException.class, () -> read(model(deep)));
  }

  @Test
  void attributesOfOtherKindsSurvive() {
    AttributeProto tensors =
        AttributeProto.newBuilder()
            .setName("ts")
            .setType(9)
            .addTensors(tensor("", DataType.FLOAT32).addFloatData(1))
            .build();
    Model model =
        read(
            model(
                graph(
                    node("A", List.of("x"), List.of("y")).toBuilder()
                        .addAttribute(tensors)
                        .build())));
    Path copy = folder.resolve("copy.onnx");
    model.save(copy);
    TestModels.assertSame(model, Model.load(copy));
    Path other = folder.resolve("copy.dmt");
    model.save(other);
    TestModels.assertSame(model, Model.load(other));
  }

  @Test
  void attributesOfOldFilesHaveNoKind() {
    Model model =
        read(
            model(
                graph(
                    node("A", List.of("x"), List.of("y")).toBuilder()
                        .addAttribute(AttributeProto.newBuilder().setName("i").setI(5))
                        .addAttribute(AttributeProto.newBuilder().setName("fs").addFloats(5))
                        .build())));
    assertEquals(
        Map.of("i", Attribute.of(5L), "fs", Attribute.ofFloats(List.of(5f))),
        model.graph().nodes().get(0).attributes());
  }

  @Test
  void callsOfFunctionsAreReplacedByTheirNodes() {
    FunctionProto scaled =
        function("Scaled")
            .addInput("v")
            .addInput("w")
            .addOutput("r")
            .addOutput("unused")
            .addAttributeProto(attribute("axis", 3))
            .addNode(
                node("Softmax", List.of("v"), List.of("s")).toBuilder()
                    .addAttribute(
                        AttributeProto.newBuilder()
                            .setName("axis")
                            .setType(AttributeKind.INT)
                            .setRefAttrName("axis")))
            .addNode(node("Mul", List.of("s", "w"), List.of("r")))
            .addNode(node("Neg", List.of("s"), List.of("unused")))
            .build();
    FunctionProto twice =
        function("Twice")
            .addInput("v")
            .addOutput("r")
            .addNode(call("Scaled", List.of("v", "v"), List.of("t")))
            .addNode(
                call("Scaled", List.of("t", "v"), List.of("r")).toBuilder()
                    .addAttribute(attribute("axis", 1)))
            .build();
    Model model =
        read(
            model(graph(call("Twice", List.of("x"), List.of("y"))))
                .addOpsetImport(opset("local", 1))
                .addFunctions(scaled)
                .addFunctions(twice));
    assertEquals(
        List.of("Softmax", "Mul", "Neg", "Softmax", "Mul", "Neg"), operators(model.graph()));
    Node first = model.graph().nodes().get(0);
    assertEquals(3, first.integer("axis", 0));
    assertEquals(List.of("x"), first.inputs());
    assertEquals("Twice_0/Scaled_0/Softmax_0", first.name());
    assertEquals(1, model.graph().nodes().get(3).integer("axis", 0));
    assertEquals(List.of("y"), model.graph().nodes().get(4).outputs());
  }

  @Test
  void functionsThatCallThemselvesOrExplodeAreRejected() {
    ModelProto.Builder recursive =
        model(graph(call("F", List.of("x"), List.of("y"))))
            .addOpsetImport(opset("local", 1))
            .addFunctions(
                function("F")
                    .addInput("v")
                    .addOutput("r")
                    .addNode(call("F", List.of("v"), List.of("r"))));
    assertBroken("function 'local::F' calls itself", recursive);
    ModelProto.Builder bomb =
        model(graph(call("F0", List.of("x"), List.of("y")))).addOpsetImport(opset("local", 1));
    for (int i = 0; i < 60; i++) {
      bomb.addFunctions(
          function("F" + i)
              .addInput("v")
              .addOutput("r")
              .addNode(call("F" + (i + 1), List.of("v"), List.of("t")))
              .addNode(call("F" + (i + 1), List.of("t"), List.of("r"))));
    }
    bomb.addFunctions(function("F60").addInput("v").addOutput("r"));
    assertTimeout(Duration.ofSeconds(30), () -> assertBroken("more than a million nodes", bomb));
    assertBroken(
        "is of version 9 of operator domain ''",
        model(graph(call("F", List.of("x"), List.of("y"))))
            .addOpsetImport(opset("local", 1))
            .addFunctions(function("F").addOpsetImport(opset("", 9)).addInput("v").addOutput("r")));
  }

  private static FunctionProto.Builder function(String name) {
    return FunctionProto.newBuilder().setDomain("local").setName(name);
  }

  private static NodeProto call(String name, List<String> inputs, List<String> outputs) {
    return node(name, inputs, outputs).toBuilder().setDomain("local").build();
  }

  @Test
  void everyTruncationIsAFormatError() {
    byte[] bytes =
        model(graph(node("Relu", List.of("x"), List.of("y"))))
            .setProducerName("p")
            .build()
            .toByteArray();
    for (int length = 0; length < bytes.length; length++) {
      byte[] part = Arrays.copyOf(bytes, length);
      try {
        TestModels.load(part, folder.resolve("part.onnx"));
        assertTrue(length > 3, "length " + length); // may end between two fields
      } catch (ModelFormatException expected) {
        assertTrue(expected.getMessage().contains("part.onnx"));
      }
    }
  }

  private static List<String> operators(Graph graph) {
    List<String> operators = new ArrayList<>();
    graph.nodes().forEach(node -> operators.add(node.operator()));
    return operators;
  }

  private Model read(ModelProto.Builder model) {
    return OnnxProtos.read(model, folder);
  }

  private void assertBroken(String message, GraphProto.Builder graph) {
    assertBroken(message, model(graph));
  }

  private void assertBroken(String message, ModelProto.Builder model) {
    ModelFormatException failed = assertThrows(ModelFormatException.class, () -> read(model));
    assertTrue(failed.getMessage().contains(message), failed.getMessage());
  }
}
