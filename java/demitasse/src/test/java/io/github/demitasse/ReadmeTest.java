package io.github.demitasse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.compress.Recipe;
import io.github.demitasse.testing.TestModels;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows compiles and runs as it stands there. */
final class ReadmeTest {
  private static final Path README = Path.of("..", "..", "README.md");

  @TempDir Path folder;

  @Test
  void theJavaExampleRuns() throws Exception {
    Path model = TestModels.resource("all-minilm-l6-v2.onnx", folder);
    List<String> examples = blocks("java");
    assertEquals(1, examples.size(), "Java examples in the README");
    Matcher name = Pattern.compile("public class (\\w+)").matcher(examples.get(0));
    assertTrue(name.find(), "the example is a public class");
    Path source = folder.resolve(name.group(1) + ".java");
    Files.writeString(source, examples.get(0));
    String classPath = System.getProperty("java.class.path");

    int compiled =
        ToolProvider.getSystemJavaCompiler()
            .run(
                null,
                null,
                null,
                "-Xlint:all,-processing",
                "-Werror",
                "-proc:none",
                "-cp",
                classPath,
                source.toString());
    assertEquals(0, compiled, "javac");

    ProcessBuilder java =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            folder + File.pathSeparator + classPath,
            name.group(1));
    String cache = System.getProperty("org.bytedeco.javacpp.cachedir");
    if (cache != null) {
      java.command().add(1, "-Dorg.bytedeco.javacpp.cachedir=" + cache);
    }
    Process process = java.directory(folder.toFile()).redirectErrorStream(true).start();
    String printed = new String(process.getInputStream().readAllBytes());
    assertEquals(0, process.waitFor(), printed);
    assertTrue(printed.contains("FLOAT32[1, 4, 384]"), printed);
    assertTrue(printed.contains("FLOAT32[1, 6, 384]"), printed);
    long before = Files.size(model);
    long after = Files.size(folder.resolve("minilm-int8.dmt"));
    assertTrue(after * 7 < before * 2, before + " bytes became " + after);
  }

  @Test
  void theRecipeIsOne() throws IOException {
    Model model = Model.load(TestModels.resource("all-minilm-l6-v2.onnx", folder));
    List<String> recipes =
        blocks("yaml").stream().filter(block -> block.startsWith("steps:")).toList();
    assertEquals(1, recipes.size(), "recipes in the README");
    Path recipe = folder.resolve("recipe.yaml");
    Files.writeString(recipe, recipes.get(0));
    assertTrue(Recipe.load(recipe).plan(model).needsCalibration());
  }

  private static List<String> blocks(String language) throws IOException {
    Pattern block = Pattern.compile("(?ms)^```" + language + "\\n(.*?)^```$");
    return block
        .matcher(Files.readString(README))
        .results()
        .map(result -> result.group(1))
        .toList();
  }
}
