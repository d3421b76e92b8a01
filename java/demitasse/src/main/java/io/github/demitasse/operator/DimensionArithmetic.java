package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Thread-safe: arithmetic on dimensions that may be symbols. A result that is not a number is a
 * symbol whose name is the expression ({@code 2*batch*(past+sequence)}), written so that equal
 * expressions have equal names; anything computed from an unknown dimension is unknown.
 */
public final class DimensionArithmetic {
  private static final String OPERATIONS = "*+-/ ,";

  /** A longer expression helps nobody, and repeated sums could double it without end. */
  private static final int LONGEST_NAME = 200;

  private static final Pattern NUMBER = Pattern.compile("-?\\d{1,18}");

  private DimensionArithmetic() {}

  /** A number times symbols, in the order of their names; the value of a dimension. */
  private record Product(long factor, List<String> symbols) {

    static Product of(Dimension dimension) {
      if (dimension instanceof Dimension.Known known) {
        return new Product(known.value(), List.of());
      }
      String name = ((Dimension.Symbol) dimension).name();
      long factor = 1;
      List<String> symbols = new ArrayList<>();
      for (String part : factors(name)) {
        if (NUMBER.matcher(part).matches()) {
          factor = Math.multiplyExact(factor, Long.parseLong(part));
        } else {
          symbols.add(part);
        }
      }
      Collections.sort(symbols);
      return new Product(factor, symbols);
    }

    Product times(Product other) {
      List<String> all = new ArrayList<>(symbols);
      all.addAll(other.symbols);
      Collections.sort(all);
      return new Product(Math.multiplyExact(factor, other.factor), all);
    }

    Dimension dimension() {
      if (factor == 0 || symbols.isEmpty()) {
        return Dimension.of(factor);
      }
      if (factor == 1 && symbols.size() == 1) {
        return Dimension.symbol(symbols.get(0));
      }
      String name =
          symbols.stream().map(DimensionArithmetic::operand).collect(Collectors.joining("*"));
      return symbol(factor == 1 ? name : factor + "*" + name);
    }
  }

  /** The factors of an expression; the whole when it is not a product. */
  private static List<String> factors(String name) {
    List<String> factors = new ArrayList<>();
    int depth = 0;
    int start = 0;
    for (int i = 0; i <= name.length(); i++) {
      char c = i < name.length() ? name.charAt(i) : '*';
      if (depth == 0 && c == '*' && i > start) {
        factors.add(withoutParentheses(name.substring(start, i)));
        start = i + 1;
      } else if (depth == 0 && OPERATIONS.indexOf(c) >= 0 || c == ')' && depth == 0) {
        return List.of(name);
      }
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    }
    return depth == 0 ? factors : List.of(name);
  }

  private static String withoutParentheses(String factor) {
    boolean expression = factor.chars().anyMatch(c -> OPERATIONS.indexOf(c) >= 0);
    return expression && factor.startsWith("(") && factor.endsWith(")")
        ? factor.substring(1, factor.length() - 1)
        : factor;
  }

  /** An expression as a part of a larger one. */
  private static String operand(Object expression) {
    String text = expression.toString();
    boolean simple = text.chars().noneMatch(c -> OPERATIONS.indexOf(c) >= 0);
    return simple ? text : "(" + text + ")";
  }

  /**
   * The product of all; of none, 1.
   *
   * @throws ArithmeticException if a number exceeds a long
   */
  public static Dimension product(List<Dimension> dimensions) {
    if (dimensions.stream().anyMatch(dimension -> dimension.is(0))) {
      return Dimension.of(0);
    }
    Product product = new Product(1, List.of());
    for (Dimension dimension : dimensions) {
      if (dimension instanceof Dimension.Unknown) {
        return dimension;
      }
      product = product.times(Product.of(dimension));
    }
    return product.dimension();
  }

  public static Dimension multiply(Dimension a, Dimension b) {
    return product(List.of(a, b));
  }

  /**
   * a / b where b divides a, as in reshaping; unknown when that does not cancel to a product.
   *
   * @throws IllegalArgumentException if both are numbers and b does not divide a
   */
  public static Dimension divideExactly(Dimension a, Dimension b) {
    if (a instanceof Dimension.Unknown || b instanceof Dimension.Unknown) {
      return Dimension.unknown();
    }
    Product dividend = Product.of(a);
    Product divisor = Product.of(b);
    List<String> symbols = new ArrayList<>(dividend.symbols());
    if (divisor.factor() == 0) {
      return Dimension.unknown();
    }
    for (String symbol : divisor.symbols()) {
      if (!symbols.remove(symbol)) {
        return Dimension.unknown();
      }
    }
    if (dividend.factor() % divisor.factor() != 0) {
      if (dividend.symbols().isEmpty()) {
        throw new IllegalArgumentException(b + " does not divide " + a);
      }
      return Dimension.unknown();
    }
    return new Product(dividend.factor() / divisor.factor(), symbols).dimension();
  }

  /** The integer quotient, rounded towards zero as ONNX's Div does. */
  public static Dimension divide(Dimension a, Dimension b) {
    if (b.is(0)) {
      return Dimension.unknown();
    }
    if (a.isKnown() && b.isKnown()) {
      return Dimension.of(a.size() / b.size());
    }
    Dimension exact = divideExactly(a, b);
    if (!(exact instanceof Dimension.Unknown)) {
      return exact;
    }
    return combine(a, "/", b);
  }

  public static Dimension add(Dimension a, Dimension b) {
    if (a.isKnown() && b.isKnown()) {
      return Dimension.of(Math.addExact(a.size(), b.size()));
    }
    if (a.is(0) || b.is(0)) {
      return a.is(0) ? b : a;
    }
    if (a instanceof Dimension.Unknown || b instanceof Dimension.Unknown) {
      return Dimension.unknown();
    }
    Product p = Product.of(a);
    Product q = Product.of(b);
    if (p.symbols().equals(q.symbols())) {
      return new Product(Math.addExact(p.factor(), q.factor()), p.symbols()).dimension();
    }
    String sum =
        List.of(a, b).stream()
            .map(DimensionArithmetic::operand)
            .sorted()
            .collect(Collectors.joining("+"));
    return symbol(sum);
  }

  public static Dimension subtract(Dimension a, Dimension b) {
    if (a.isKnown() && b.isKnown()) {
      return Dimension.of(Math.subtractExact(a.size(), b.size()));
    }
    if (b.is(0)) {
      return a;
    }
    if (a instanceof Dimension.Unknown || b instanceof Dimension.Unknown) {
      return Dimension.unknown();
    }
    Product p = Product.of(a);
    Product q = Product.of(b);
    if (p.symbols().equals(q.symbols())) {
      return new Product(Math.subtractExact(p.factor(), q.factor()), p.symbols()).dimension();
    }
    return combine(a, "-", b);
  }

  private static Dimension combine(Dimension a, String operation, Dimension b) {
    if (a instanceof Dimension.Unknown || b instanceof Dimension.Unknown) {
      return Dimension.unknown();
    }
    return symbol(operand(a) + operation + operand(b));
  }

  private static Dimension symbol(String name) {
    return name.length() > LONGEST_NAME ? Dimension.unknown() : Dimension.symbol(name);
  }
}
