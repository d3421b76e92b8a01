package io.github.demitasse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The first words of each public type's Javadoc say which threads may use it. */
class PublicTypesTest {
  private static final List<Path> SOURCES =
      List.of(Path.of("src/main/java"), Path.of("../demitasse-native/src/main/java"));

  private static final Pattern TYPE =
      Pattern.compile(
          "^public (?:(?:final|abstract|sealed|non-sealed) )*(?:class|interface|record|enum) \\w+",
          Pattern.MULTILINE);

  private static final Pattern DOCUMENTED =
      Pattern.compile(
          "/\\*\\*[\\s*]+(?:Thread-safe|Immutable|Confined to one thread|Not thread-safe"
              + "|Safe for concurrent|Called from one thread at a time)\\b");

  @Test
  void eachSaysWhichThreadsMayUseIt() throws IOException {
    List<String> silent = new ArrayList<>();
    int types = 0;
    for (Path folder : SOURCES) {
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.filter(PublicTypesTest::isPublicSource).toList()) {
          String source = Files.readString(file);
          Matcher type = TYPE.matcher(source);
          if (type.find()) {
            types++;
            int javadoc = source.lastIndexOf("/**", type.start());
            boolean says =
                javadoc >= 0
                    && DOCUMENTED.matcher(source).region(javadoc, type.start()).lookingAt();
            if (!says) {
              silent.add(file.toString());
            }
          }
        }
      }
    }
    assertTrue(types > 50, types + " public types found");
    assertEquals(List.of(), silent);
  }

  /** What JavaCPP reads at build time is public because it has to be. */
  private static boolean isPublicSource(Path file) {
    return file.toString().endsWith(".java") && !file.toString().contains("/presets/");
  }
}
