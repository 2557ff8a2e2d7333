using Banyan.Evaluation.Python;

namespace Banyan.Evaluation.Tests;

public class PythonValues
{
    [Theory]
    [InlineData("1", "1.0", true)]
    [InlineData("True", "1", true)]
    [InlineData("0x7fffffffffffffffffffffffffffffff", "170141183460469231731687303715884105727", true)]
    [InlineData("[1,2]", "(1,2)", false)]
    [InlineData("{1,2}", "set([2.0,1])", true)]
    [InlineData("{'a':1,'b':[2]}", "{\"b\":[2],\"a\":1}", true)]
    [InlineData("nan", "nan", false)]
    [InlineData("'\\u00e9\\x41'", "\"éA\"", true)]
    [InlineData("9007199254740993", "9007199254740992.0", false)]
    [InlineData("complex(1.0,0.0)", "1", true)]
    [InlineData("<'object'>", "<'object'>", false)]
    [InlineData("b'a'", "'a'", false)]
    [InlineData("(1)", "1", true)]
    [InlineData("(1,)", "1", false)]
    public void Compare_as_Python_compares(string left, string right, bool equal)
    {
        Assert.Equal(equal, PythonEquality.Instance.Equals(PythonValue.Parse(left), PythonValue.Parse(right)));
        if (equal)
            Assert.Equal(PythonEquality.Instance.GetHashCode(PythonValue.Parse(left)),
                PythonEquality.Instance.GetHashCode(PythonValue.Parse(right)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[1,,2]")]
    [InlineData("[1")]
    [InlineData("'abc")]
    [InlineData("{1:2,3}")]
    [InlineData("'\\U00110000'")]
    [InlineData("--1")]
    [InlineData("__import__('os')")]
    public void Reject_what_is_no_literal(string text) => Assert.Throws<FormatException>(() => PythonValue.Parse(text));

    [Fact]
    public void Reject_depth_out_of_proportion() => Assert.Throws<FormatException>(() => PythonValue.Parse(new string('[', 1_000_000)));

    [Fact]
    public void Parsing_never_throws_anything_else() =>
        CsCheck.Check.Sample(CsCheck.Gen.String[CsCheck.Gen.Char["[](){}<>'\"\\xuU0123.e-+,: abNTFcomplex"], 0, 40], text =>
        {
            try
            {
                PythonValue.Parse(text);
            }
            catch (FormatException)
            {
            }
        });
}
