package io.github.demitasse.compress;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;

/** Recipes given anything at all: a recipe, an {@link IllegalArgumentException}, nothing else. */
class RecipeFuzzTest {
  @FuzzTest(maxDuration = "10m")
  void recipe(byte[] content) {
    try {
      RecipeFile.parse(new String(content, StandardCharsets.UTF_8), "recipe.yaml").toString();
    } catch (IllegalArgumentException expected) {
      return;
    }
  }
}
