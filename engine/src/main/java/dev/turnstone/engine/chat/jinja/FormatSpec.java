package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Value.Text;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How one value is laid out: what follows the colon in `'{:>8.2f}'`, or the percent sign in
/// `'%8.2f'`.
///
/// @param align `<`, `>`, `^` or `=`; 0 if the type decides
/// @param sign `+`, `-` or space
/// @param precision -1 if not given
/// @param type presentation type; 0 if the value decides
record FormatSpec(
    int fill, char align, char sign, boolean grouped, int width, int precision, char type) {
  private static final int MAX_WIDTH = 1000;
  private static final Pattern SYNTAX =
      Pattern.compile(
          "(?:(.)?([<>=^]))?([-+ ])?(0)?(\\d{0,6})(,)?(?:\\.(\\d{1,6}))?([a-zA-Z%])?",
          Pattern.DOTALL);

  static FormatSpec parse(String spec) {
    Matcher m = SYNTAX.matcher(spec);
    if (!m.matches()) throw unsupported(spec);
    boolean zero = m.group(4) != null;
    String align = m.group(2);
    return new FormatSpec(
        m.group(1) != null ? m.group(1).codePointAt(0) : zero && align == null ? '0' : ' ',
        align != null ? align.charAt(0) : zero ? '=' : 0,
        m.group(3) != null ? m.group(3).charAt(0) : '-',
        m.group(6) != null,
        number(m.group(5), 0),
        number(m.group(7), -1),
        m.group(8) != null ? m.group(8).charAt(0) : 0);
  }

  private static int number(@org.jspecify.annotations.Nullable String digits, int otherwise) {
    if (digits == null || digits.isEmpty()) return otherwise;
    int number = Integer.parseInt(digits);
    if (number > MAX_WIDTH)
      throw TemplateException.limit("formatted a value wider than " + MAX_WIDTH);
    return number;
  }

  private static TemplateException unsupported(String spec) {
    return TemplateException.render("ValueError: format specifier '" + spec + "' is not supported");
  }

  String format(Value value, Budget budget) {
    if (Numbers.isNumber(value) && !(value instanceof Value.Bool && type == 0) && type != 's')
      return number(value);
    if (type != 0 && type != 's')
      throw TemplateException.render(
          "ValueError: Unknown format code '"
              + type
              + "' for object of type '"
              + value.type()
              + "'");
    String text = Printing.text(value, budget);
    if (precision >= 0 && PythonText.length(text) > precision)
      text = text.substring(0, text.offsetByCodePoints(0, precision));
    return laidOut("", text, value instanceof Text || value instanceof Value.Bool ? '<' : '>');
  }

  private String number(Value value) {
    String digits =
        Numbers.isWhole(value) && whole()
            ? digits(Numbers.whole(value))
            : real(Numbers.real(value));
    String prefix = digits.startsWith("-") ? "-" : sign == '-' ? "" : String.valueOf(sign);
    if (digits.startsWith("-")) digits = digits.substring(1);
    return laidOut(prefix, grouped ? group(digits) : digits, '>');
  }

  private boolean whole() {
    return type == 0 || "dxXobcn".indexOf(type) >= 0;
  }

  private String digits(BigInteger number) {
    return switch (type) {
      case 'x' -> number.toString(16);
      case 'X' -> number.toString(16).toUpperCase(Locale.ROOT);
      case 'o' -> number.toString(8);
      case 'b' -> number.toString(2);
      case 'c' -> Character.toString(number.intValueExact());
      default -> number.toString();
    };
  }

  private String real(double number) {
    if (type == 0 && precision < 0) return Printing.real(number);
    if (!Double.isFinite(number)) return Printing.real(number);
    int places = precision < 0 ? 6 : precision;
    return switch (type) {
      case 'f', 'F' -> fixed(number, places);
      case '%' -> fixed(number * 100, places) + "%";
      case 'e', 'E' -> exponent(number, places, type);
      case 'g', 'G', 0 -> general(number, Math.max(1, places));
      default -> throw unsupported(String.valueOf(type));
    };
  }

  private static String fixed(double number, int places) {
    String text = new BigDecimal(number).setScale(places, RoundingMode.HALF_EVEN).toPlainString();
    return number < 0 && !text.startsWith("-") ? "-" + text : text;
  }

  private static String exponent(double number, int places, char letter) {
    BigDecimal rounded =
        new BigDecimal(number).round(new java.math.MathContext(places + 1, RoundingMode.HALF_EVEN));
    int power = number == 0 ? 0 : rounded.precision() - rounded.scale() - 1;
    String digits =
        rounded.movePointLeft(power).setScale(places, RoundingMode.HALF_EVEN).toPlainString();
    return digits
        + letter
        + (power < 0 ? "-" : "+")
        + (Math.abs(power) < 10 ? "0" : "")
        + Math.abs(power);
  }

  private String general(double number, int digits) {
    BigDecimal rounded =
        new BigDecimal(number).round(new java.math.MathContext(digits, RoundingMode.HALF_EVEN));
    int power = number == 0 ? 0 : rounded.precision() - rounded.scale() - 1;
    if (power < -4 || power >= digits) {
      String text = exponent(number, digits - 1, type == 'G' ? 'E' : 'e');
      int e = text.toLowerCase(Locale.ROOT).indexOf('e');
      return text.substring(0, e).contains(".")
          ? text.substring(0, e).replaceFirst("\\.?0+$", "") + text.substring(e)
          : text;
    }
    String plain = rounded.stripTrailingZeros().toPlainString();
    return type == 0 && plain.indexOf('.') < 0 ? plain + ".0" : plain;
  }

  private static String group(String digits) {
    int point = digits.indexOf('.');
    int end = point < 0 ? digits.length() : point;
    StringBuilder made = new StringBuilder(digits);
    for (int i = end - 3; i > 0; i -= 3) made.insert(i, ',');
    return made.toString();
  }

  private String laidOut(String prefix, String body, char otherwise) {
    int missing = Math.max(0, width - PythonText.length(prefix) - PythonText.length(body));
    String padding = Character.toString(fill).repeat(missing);
    return switch (align == 0 ? otherwise : align) {
      case '<' -> prefix + body + padding;
      case '^' -> {
        int left = padding.length() / 2;
        yield padding.substring(0, left) + prefix + body + padding.substring(left);
      }
      case '=' -> prefix + padding + body;
      default -> padding + prefix + body;
    };
  }
}
