package libra;

/** The statement cannot be run; the message is for the user. */
final class Unusable extends Exception {

  Unusable(String sentence) {
    super(sentence);
  }
}
