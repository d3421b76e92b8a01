package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Thread-safe: Einsum's equation with every dimension given a label: those of an ellipsis are
 * numbered from its right end, so that they broadcast.
 */
final class EinsumRule {
  private EinsumRule() {}

  /** Labels per input and of the output; '0', '1' ... are an ellipsis's dimensions. */
  private record Equation(List<List<Character>> inputs, List<Character> output) {}

  static void infer(InferenceContext context) {
    int count = context.node().inputs().size();
    List<Shape> shapes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      if (context.inputShape(i) == null) {
        context.output(0, context.inputType(0), null);
        return;
      }
      shapes.add(context.inputShape(i));
    }
    Equation equation = parse(context.node().text("equation", ""), shapes);
    Map<Character, Dimension> sizes = new HashMap<>();
    for (int i = 0; i < count; i++) {
      for (int axis = 0; axis < shapes.get(i).rank(); axis++) {
        char label = equation.inputs().get(i).get(axis);
        Shape size = Shape.of(shapes.get(i).dimension(axis));
        Shape known = sizes.containsKey(label) ? Shape.of(sizes.get(label)) : size;
        sizes.put(label, Shapes.broadcast(known, size).dimension(0));
      }
    }
    List<Dimension> result = new ArrayList<>();
    for (char label : equation.output()) {
      Arguments.require(sizes.containsKey(label), "no input has the label '" + label + "'");
      result.add(sizes.get(label));
    }
    context.output(0, context.inputType(0), new Shape(result));
  }

  static NativeCall lower(InferenceContext context) {
    int count = context.node().inputs().size();
    List<Shape> shapes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      shapes.add(Shape.of(Arguments.sizes(context, i)));
    }
    Equation equation = parse(context.node().text("equation", ""), shapes);
    Map<Character, Long> numbers = new HashMap<>();
    List<Long> integers = new ArrayList<>();
    equation.output().forEach(label -> integers.add(number(numbers, label)));
    equation
        .inputs()
        .forEach(labels -> labels.forEach(label -> integers.add(number(numbers, label))));
    return NativeCall.of("Einsum", count, integers.stream().mapToLong(Long::longValue).toArray());
  }

  private static long number(Map<Character, Long> numbers, char label) {
    return numbers.computeIfAbsent(label, key -> (long) numbers.size());
  }

  private static Equation parse(String text, List<Shape> shapes) {
    String equation = text.replace(" ", "");
    int arrow = equation.indexOf("->");
    String[] terms = (arrow < 0 ? equation : equation.substring(0, arrow)).split(",", -1);
    Arguments.require(
        terms.length == shapes.size(), "'" + text + "' is not for " + shapes.size() + " inputs");
    List<List<Character>> inputs = new ArrayList<>();
    int widest = 0;
    for (int i = 0; i < terms.length; i++) {
      int hidden = shapes.get(i).rank() - terms[i].replace("...", "").length();
      boolean fits = terms[i].contains("...") ? hidden >= 0 && hidden <= 9 : hidden == 0;
      Arguments.require(fits, "'" + terms[i] + "' does not fit " + shapes.get(i));
      inputs.add(labels(terms[i], hidden));
      widest = Math.max(widest, hidden);
    }
    List<Character> output =
        arrow < 0 ? implicitOutput(inputs, widest) : labels(equation.substring(arrow + 2), widest);
    return new Equation(inputs, output);
  }

  private static List<Character> labels(String term, int hidden) {
    List<Character> labels = new ArrayList<>();
    int dots = term.indexOf("...");
    for (int i = 0; i < term.length(); i++) {
      if (i == dots) {
        for (int number = hidden - 1; number >= 0; number--) {
          labels.add((char) ('0' + number));
        }
        i += 2;
      } else {
        Arguments.require(
            Character.isLetter(term.charAt(i)), "'" + term + "' is not a term of an equation");
        labels.add(term.charAt(i));
      }
    }
    return labels;
  }

  /** Without an arrow: the ellipsis, then the labels that occur once, in the alphabet's order. */
  private static List<Character> implicitOutput(List<List<Character>> inputs, int widest) {
    Map<Character, Integer> counts = new TreeMap<>();
    inputs.forEach(labels -> labels.forEach(label -> counts.merge(label, 1, Integer::sum)));
    List<Character> output = new ArrayList<>(labels("...", widest));
    counts.forEach(
        (label, count) -> {
          if (count == 1 && Character.isLetter(label)) {
            output.add(label);
          }
        });
    return output;
  }
}
