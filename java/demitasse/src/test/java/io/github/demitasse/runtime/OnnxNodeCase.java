package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.ModelFormatException;
import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.format.onnx.OnnxReader;
import io.github.demitasse.format.onnx.OnnxTensors;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.operator.Operators;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Confined to one thread: one of ONNX's node test cases, a model with inputs and outputs. */
final class OnnxNodeCase {
  private static final float RELATIVE = 1e-3f;
  private static final float ABSOLUTE = 1e-7f;

  private final Path folder;

  OnnxNodeCase(Path folder) {
    this.folder = folder;
  }

  /** All cases below a folder, by name. */
  static List<OnnxNodeCase> all(Path folder) {
    return list(folder).stream().map(OnnxNodeCase::new).toList();
  }

  /** Passed, or why not. */
  record Result(Status status, String reason) {}

  enum Status {
    PASSED,
    FAILED,
    UNSUPPORTED
  }

  String name() {
    return folder.getFileName().toString();
  }

  /** The operators of the case's graph. */
  String operators() {
    try {
      return OnnxReader.read(folder.resolve("model.onnx")).graph().nodes().stream()
          .map(Node::qualifiedOperator)
          .collect(Collectors.toCollection(TreeSet::new))
          .stream()
          .collect(Collectors.joining("+"));
    } catch (ModelFormatException unreadable) {
      return "?";
    }
  }

  /** Runs the case both ways: node by node, and as a session. */
  Result run() {
    try {
      Model model = OnnxReader.read(folder.resolve("model.onnx"));
      for (Path data : list(folder)) {
        if (Files.isDirectory(data)) {
          String difference = run(model, data);
          if (difference != null) {
            return new Result(Status.FAILED, difference);
          }
        }
      }
      return new Result(Status.PASSED, "");
    } catch (UnsupportedOperatorException unsupported) {
      return new Result(Status.UNSUPPORTED, unsupported.getMessage());
    } catch (RuntimeException failed) {
      return new Result(Status.FAILED, failed.toString());
    }
  }

  private static String run(Model model, Path data) {
    Graph graph = model.graph();
    for (Node node : graph.nodes()) {
      requireTensors(node);
    }
    Map<String, Tensor> inputs = new LinkedHashMap<>();
    for (int i = 0; i < graph.inputs().size(); i++) {
      inputs.put(
          graph.inputs().get(i).name(), OnnxTensors.read(data.resolve("input_" + i + ".pb")));
    }
    Map<String, Tensor> byNode = evaluate(model, inputs);
    Map<String, Tensor> bySession;
    try (Session session = Session.open(model)) {
      bySession = session.run(inputs);
    }
    for (int i = 0; i < graph.outputs().size(); i++) {
      String name = graph.outputs().get(i).name();
      Tensor expected = OnnxTensors.read(data.resolve("output_" + i + ".pb"));
      String difference = difference(expected, byNode.get(name));
      if (difference == null) {
        difference = difference(expected, bySession.get(name));
        difference = difference == null ? null : "as a session: " + difference;
      }
      if (difference != null) {
        return name + ": " + difference;
      }
    }
    return null;
  }

  /** Their files are no tensors, so ask before reading them. */
  private static void requireTensors(Node node) {
    if (Operators.find(node.domain(), node.operator()) == null) {
      throw new UnsupportedOperatorException(
          List.of(
              new UnsupportedOperatorException.Missing(
                  node.name(), node.qualifiedOperator(), 0, "")));
    }
  }

  private static Map<String, Tensor> evaluate(Model model, Map<String, Tensor> inputs) {
    Map<String, Tensor> values = new HashMap<>(inputs);
    model.weights().forEach((name, weight) -> values.put(name, ((DenseWeight) weight).tensor()));
    for (Node node : model.graph().nodes()) {
      List<Tensor> arguments = new ArrayList<>();
      node.inputs().forEach(name -> arguments.add(name.isEmpty() ? null : values.get(name)));
      int opset = model.graph().opsets().getOrDefault(node.domain(), 1);
      List<Tensor> results = NodeEvaluator.evaluate(node, opset, arguments);
      for (int i = 0; i < results.size(); i++) {
        if (node.hasOutput(i)) {
          values.put(node.output(i), results.get(i));
        }
      }
    }
    Map<String, Tensor> outputs = new HashMap<>();
    for (ValueInfo output : model.graph().outputs()) {
      outputs.put(output.name(), values.get(output.name()));
    }
    return outputs;
  }

  /** Null when the tensors are equal: floating ones within tolerance, others exactly. */
  private static String difference(Tensor expected, Tensor actual) {
    if (actual == null) {
      return "expected " + expected + ", got nothing";
    }
    if (!expected.toString().equals(actual.toString())) {
      return "expected " + expected + ", got " + actual;
    }
    double[] wanted = numbers(expected);
    if (wanted == null) {
      return Arrays.equals(expected.toBytes(), actual.toBytes()) ? null : "other bits";
    }
    double[] given = numbers(actual);
    for (int i = 0; i < wanted.length; i++) {
      boolean close =
          Double.compare(wanted[i], given[i]) == 0
              || Math.abs(wanted[i] - given[i]) <= ABSOLUTE + RELATIVE * Math.abs(wanted[i]);
      if (!close) {
        return "element " + i + ": expected " + wanted[i] + ", got " + given[i];
      }
    }
    return null;
  }

  private static double[] numbers(Tensor tensor) {
    if (!tensor.type().isFloatingPoint()) {
      return null;
    }
    double[] numbers = new double[Math.toIntExact(tensor.elements())];
    if (tensor.type() == DataType.FLOAT64) {
      tensor.buffer().asDoubleBuffer().get(numbers);
    } else {
      float[] floats = tensor.toFloats();
      Arrays.setAll(numbers, i -> floats[i]);
    }
    return numbers;
  }

  private static List<Path> list(Path folder) {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.sorted().toList();
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }
}
