package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.List;

/**
 * A value seen as a number times factors, whatever the order in which an exporter multiplied and
 * divided them. Products inside are opened as long as nobody else uses them.
 *
 * @param coefficient all constants of one element
 * @param factors the other values, in the order they were met
 */
record Product(double coefficient, List<String> factors) {

  /** The product that {@code value} is; itself once when it is none. */
  static Product of(String value, GraphEditor graph) {
    Collector collector = new Collector(graph);
    collector.open(value);
    return new Product(collector.coefficient, collector.factors);
  }

  boolean hasCoefficient(double expected) {
    return Math.abs(coefficient - expected) <= 2e-6 * Math.abs(expected);
  }

  /** The factor that is left when {@code factor} is taken away from two; null for others. */
  String otherThan(String factor) {
    if (factors.size() != 2 || !factors.contains(factor)) {
      return null;
    }
    return factors.get(factors.get(0).equals(factor) ? 1 : 0);
  }

  private static final class Collector {
    private static final int MOST_FACTORS = 8;
    private static final int MOST_NESTED = 16;

    private final GraphEditor graph;
    private final List<String> factors = new ArrayList<>();
    private double coefficient = 1;
    private int depth;

    Collector(GraphEditor graph) {
      this.graph = graph;
    }

    void open(String value) {
      Node node = graph.producer(value);
      boolean closed = factors.size() >= MOST_FACTORS || depth == MOST_NESTED || node == null;
      depth++;
      if (!closed && node.is("Mul")) {
        multiply(node.input(0));
        multiply(node.input(1));
      } else if (!closed && node.is("Div") && isNumber(node.input(1))) {
        coefficient /= number(node.input(1));
        multiply(node.input(0));
      } else if (!closed && node.is("Pow") && isSmallPower(node)) {
        for (int i = (int) number(node.input(1)); i > 0; i--) {
          factors.add(node.input(0));
        }
      } else {
        factors.add(value);
      }
      depth--;
    }

    private void multiply(String value) {
      if (isNumber(value)) {
        coefficient *= number(value);
      } else if (graph.hasOneConsumer(value)) {
        open(value);
      } else {
        factors.add(value);
      }
    }

    private boolean isSmallPower(Node power) {
      double exponent = number(power.input(1));
      return exponent == 2 || exponent == 3;
    }

    private boolean isNumber(String value) {
      return !Double.isNaN(number(value));
    }

    private double number(String value) {
      Weight weight = graph.weight(value);
      return weight == null || weight.shape().length > 1 ? Double.NaN : Constants.scalar(weight);
    }
  }
}
