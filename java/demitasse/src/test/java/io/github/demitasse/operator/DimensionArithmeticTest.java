package io.github.demitasse.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.demitasse.graph.Dimension;
import java.util.List;
import org.junit.jupiter.api.Test;

class DimensionArithmeticTest {
  private static final Dimension BATCH = Dimension.symbol("batch");
  private static final Dimension SEQUENCE = Dimension.symbol("sequence");

  @Test
  void productsOfTheSameDimensionsAreEqualInAnyOrder() {
    Dimension a = DimensionArithmetic.product(List.of(SEQUENCE, Dimension.of(12), BATCH));
    Dimension b = DimensionArithmetic.product(List.of(Dimension.of(12), BATCH, SEQUENCE));
    assertEquals(a, b);
    assertEquals("12*batch*sequence", a.toString());
  }

  @Test
  void divisionCancelsSymbolsAndNumbers() {
    Dimension product = DimensionArithmetic.product(List.of(SEQUENCE, Dimension.of(12), BATCH));
    assertEquals(
        DimensionArithmetic.multiply(SEQUENCE, Dimension.of(3)),
        DimensionArithmetic.divideExactly(
            product, DimensionArithmetic.multiply(BATCH, Dimension.of(4))));
    assertEquals(Dimension.of(1), DimensionArithmetic.divideExactly(product, product));
  }

  @Test
  void aNumberThatDoesNotDivideIsAnError() {
    assertThrows(
        IllegalArgumentException.class,
        () -> DimensionArithmetic.divideExactly(Dimension.of(10), Dimension.of(3)));
  }

  @Test
  void whatDoesNotCancelIsUnknownWhenExactAndNamedWhenRounded() {
    assertEquals(Dimension.unknown(), DimensionArithmetic.divideExactly(BATCH, SEQUENCE));
    assertEquals("batch/2", DimensionArithmetic.divide(BATCH, Dimension.of(2)).toString());
  }

  @Test
  void aZeroMakesAProductZeroEvenOfSymbols() {
    assertEquals(
        Dimension.of(0), DimensionArithmetic.product(List.of(BATCH, Dimension.of(0), SEQUENCE)));
  }

  @Test
  void sumsAreNamedInOneOrderAndStayAtomsInProducts() {
    Dimension sum = DimensionArithmetic.add(SEQUENCE, Dimension.symbol("past"));
    assertEquals(sum, DimensionArithmetic.add(Dimension.symbol("past"), SEQUENCE));
    assertEquals(
        BATCH, DimensionArithmetic.divideExactly(DimensionArithmetic.multiply(BATCH, sum), sum));
    assertEquals(Dimension.of(0), DimensionArithmetic.subtract(sum, sum));
  }

  @Test
  void namesThatContainOperationsCancelToo() {
    for (String name : List.of("past length + 1", "sequence-length", "a*b+c")) {
      Dimension symbol = Dimension.symbol(name);
      Dimension product = DimensionArithmetic.product(List.of(BATCH, symbol, Dimension.of(384)));
      assertEquals(
          symbol,
          DimensionArithmetic.divideExactly(
              product, DimensionArithmetic.multiply(Dimension.of(384), BATCH)),
          name);
    }
  }

  @Test
  void multiplesOfOneSymbolAddUp() {
    Dimension two = DimensionArithmetic.add(SEQUENCE, SEQUENCE);
    assertEquals("2*sequence", two.toString());
    assertEquals(SEQUENCE, DimensionArithmetic.subtract(two, SEQUENCE));
  }

  @Test
  void expressionsDoNotGrowWithoutEnd() {
    Dimension sum = DimensionArithmetic.add(SEQUENCE, BATCH);
    for (int i = 0; i < 100; i++) {
      sum = DimensionArithmetic.add(DimensionArithmetic.multiply(sum, sum), BATCH);
    }
    assertEquals(Dimension.unknown(), sum);
  }

  @Test
  void divisionBySymbolicOrPlainZeroIsUnknown() {
    assertEquals(
        Dimension.unknown(), DimensionArithmetic.divideExactly(BATCH, Dimension.symbol("0*x")));
    assertEquals(Dimension.unknown(), DimensionArithmetic.divide(BATCH, Dimension.of(0)));
  }
}
