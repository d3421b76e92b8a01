package io.github.demitasse.natives;

/**
 * Thread-safe: what the generated bindings call before their first native method. They mean
 * JavaCPP's class of this name; the one of their own package goes before the imported one.
 */
final class Loader {
  private Loader() {}

  static void load() {
    NativeLibrary.load();
  }
}
