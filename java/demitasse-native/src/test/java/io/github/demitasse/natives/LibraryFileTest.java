package io.github.demitasse.natives;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibraryFileTest {
  @TempDir static Path shared;
  @TempDir Path folder;

  private static Path jar;

  @BeforeAll
  static void makeJar() throws Exception {
    jar = shared.resolve("natives.jar");
    URI uri = URI.create("jar:" + jar.toUri());
    try (FileSystem archive = FileSystems.newFileSystem(uri, Map.of("create", "true"))) {
      ChildJvm.copyClasses(archive.getPath("/"), file -> true);
    }
  }

  @Test
  void isUnpackedOnce() throws Exception {
    assertLoads(builder());
    Path library = library();
    FileTime past = FileTime.fromMillis(1_000_000);
    Files.setLastModifiedTime(library, past);
    assertLoads(builder());
    assertEquals(past, Files.getLastModifiedTime(library));
  }

  @Test
  void processesThatStartTogetherShareOneCopy() throws Exception {
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      processes.add(builder().start());
    }
    for (Process process : processes) {
      ChildJvm.Run run = ChildJvm.await(process);
      assertEquals(0, run.exitCode(), run.output());
    }
    assertEquals(1, cached().size(), "" + cached());
  }

  @Test
  void truncatedCopyIsReplaced() throws Exception {
    assertLoads(builder());
    Path library = library();
    Files.write(library, new byte[100]);
    assertLoads(builder());
    assertTrue(Files.size(library) > 100);
    assertEquals(1, cached().size(), "" + cached());
  }

  @Test
  void whatAKilledProcessLeftIsNoObstacle() throws Exception {
    Path left = Files.createDirectories(folder.resolve("cache/unpacking-1"));
    Files.write(left.resolve("libdemitasse.so"), new byte[100]);
    assertLoads(builder());
  }

  @Test
  void cacheThatCannotBeMadeIsExplained() throws Exception {
    Path file = Files.createFile(folder.resolve("cache"));
    ChildJvm.Run run = ChildJvm.run(builder());
    assertNotEquals(0, run.exitCode());
    assertTrue(run.output().contains("no cache folder is writable"), run.output());
    assertTrue(run.output().contains(file.toString()), run.output());
  }

  @Test
  void temporaryFolderStandsInForTheHome() throws Exception {
    Path home = Files.createFile(folder.resolve("home"));
    Path temporary = Files.createDirectory(folder.resolve("tmp"));
    ProcessBuilder java =
        ChildJvm.builder(classPath(), "-Duser.home=" + home, "-Djava.io.tmpdir=" + temporary);
    assertLoads(java);
    Path own = temporary.resolve(".javacpp-" + System.getProperty("user.name"));
    assertTrue(Files.isDirectory(own.resolve("cache")));

    Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxrwxrwx"));
    ChildJvm.Run run = ChildJvm.run(java);
    assertNotEquals(0, run.exitCode());
    assertTrue(run.output().contains("others may write"), run.output());
  }

  @Test
  void foldersMayHaveAnyName() throws Exception {
    Path odd = Files.createDirectory(folder.resolve("a b+c%20d#e"));
    Path copy = Files.copy(jar, odd.resolve("natives.jar"));
    Path classes = odd.resolve("classes");
    ChildJvm.copyClasses(classes, file -> true);
    for (Path natives : List.of(copy, classes)) {
      String classPath = natives + File.pathSeparator + ChildJvm.testClasses();
      Path cache = odd.resolve("cache");
      assertLoads(ChildJvm.builder(classPath, "-D" + CacheFolder.PROPERTY + "=" + cache));
    }
  }

  @Test
  void everyClassLoaderCanLoadIt() throws Exception {
    URL[] classPath = {jar.toUri().toURL()};
    ClassLoader platform = ClassLoader.getPlatformClassLoader();
    try (URLClassLoader first = new URLClassLoader(classPath, platform);
        URLClassLoader second = new URLClassLoader(classPath, platform)) {
      assertEquals(NativeLibrary.isa(), isa(first));
      assertEquals(NativeLibrary.isa(), isa(second));
    }
  }

  @Test
  void urlOfAClassLoaderMayBeUnescaped() throws Exception {
    Path odd = Files.createDirectory(folder.resolve("a b"));
    Path copy = Files.copy(jar, odd.resolve("natives.jar"));
    @SuppressWarnings("deprecation") // the point: the constructor does not escape
    URL[] classPath = {new URL("file:" + copy)};
    try (URLClassLoader loader =
        new URLClassLoader(classPath, ClassLoader.getPlatformClassLoader())) {
      assertEquals(NativeLibrary.isa(), isa(loader));
    }
  }

  private static String isa(ClassLoader loader) throws Exception {
    try {
      return (String) loader.loadClass(NativeLibrary.class.getName()).getMethod("isa").invoke(null);
    } catch (InvocationTargetException failed) {
      throw new AssertionError(failed.getCause());
    }
  }

  private ProcessBuilder builder() throws Exception {
    return ChildJvm.builder(
        classPath(), "-D" + CacheFolder.PROPERTY + "=" + folder.resolve("cache"));
  }

  private static String classPath() throws Exception {
    return jar + File.pathSeparator + ChildJvm.testClasses();
  }

  private static void assertLoads(ProcessBuilder java) throws Exception {
    ChildJvm.Run run = ChildJvm.run(java);
    assertEquals(0, run.exitCode(), run.output());
    assertTrue(run.output().startsWith("isa="), run.output());
  }

  private List<Path> cached() throws Exception {
    try (Stream<Path> entries = Files.list(folder.resolve("cache"))) {
      return entries.toList();
    }
  }

  private Path library() throws Exception {
    return cached().get(0).resolve(System.mapLibraryName("demitasse"));
  }
}
