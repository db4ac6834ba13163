package libra;

/** What was asked for cannot be run; its message is the sentence for the user. */
final class Unusable extends Exception {

  Unusable(String sentence) {
    super(sentence);
  }
}
