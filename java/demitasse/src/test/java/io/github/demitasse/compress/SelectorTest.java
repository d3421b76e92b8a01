package io.github.demitasse.compress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class SelectorTest {
  @Test
  void aStarStandsForAnyCharacters() {
    Selector selector = Selector.of("encoder.layer.*.output");
    assertTrue(selector.matches("encoder.layer.0.attention.output"));
    assertTrue(selector.matches("encoder.layer.11.output"));
    assertFalse(selector.matches("encoder.layer.0.output.dense"));
    assertFalse(selector.matches("decoder.encoder.layer.0.output"));
  }

  @Test
  void charactersOfRegularExpressionsMeanThemselves() {
    assertFalse(Selector.of("layer.0").matches("layer_0"));
    assertTrue(Selector.of("[a]+").matches("[a]+"));
    assertFalse(Selector.of("a|b").matches("a"));
  }

  @Test
  void excludeWinsOverInclude() {
    Selector selector = Selector.ALL.except("*pooler*");
    assertTrue(selector.matches("encoder"));
    assertFalse(selector.matches("bert.pooler.dense"));
  }

  @Test
  void patternsThatMatchNothingAreFound() {
    Selector selector = Selector.of("a*", "x*").except("y");
    assertEquals(List.of("x*", "y"), selector.patternsWithoutMatch(List.of("a", "ab")));
  }
}
