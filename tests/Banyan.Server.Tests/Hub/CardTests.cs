using System.Text;
using Banyan.Server.Cards;

namespace Banyan.Server.Tests.Hub;

/// <summary>The metadata of cards, as people and programs write them.</summary>
public sealed class CardTests
{
    static string? Read(string readme, out string? problem, bool isCut = false)
    {
        var card = CardHeader.Read(Encoding.UTF8.GetBytes(readme), isCut, out var text);
        problem = text?.ToString();
        return card?.ToJsonString();
    }

    [Theory]
    [InlineData("---\nlicense: mit\n---\n# x", """{"license":"mit"}""")]
    [InlineData("\n \n---\nlicense: mit\n---\n", """{"license":"mit"}""")]
    [InlineData("\ufeff---\r\nlicense: mit\r\n---\r\n", """{"license":"mit"}""")]
    [InlineData("--- \nlicense: mit\n---  ", """{"license":"mit"}""")]
    [InlineData("---\na: &id001\n- x\n- y\nb: *id001\nlicense: mit\n---\n", """{"a":["x","y"],"b":["x","y"],"license":"mit"}""")]
    [InlineData("---\nbase: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\n---\n", """{"base":{"x":1,"y":2},"more":{"y":3,"x":1}}""")]
    [InlineData("---\na: &a 5\nb: *a\n---\n", """{"a":5,"b":5}""")]
    [InlineData("---\ntext: |\n  ----\n  ---x\nlicense: mit\n---\n", """{"text":"----\n---x\n","license":"mit"}""")]
    public void Is_read(string readme, string card)
    {
        Assert.Equal(card, Read(readme, out var problem));
        Assert.Null(problem);
    }

    [Theory]
    [InlineData("# no header")]
    [InlineData("text\n---\nlicense: mit\n---\n")]
    [InlineData("---\nlicense: mit\n")]
    [InlineData("----\nlicense: mit\n---\n")]
    public void Is_not_there(string readme)
    {
        Assert.Null(Read(readme, out var problem));
        Assert.Null(problem);
    }

    [Fact]
    public void Values_that_are_too_many_are_left_out_and_the_licence_stays()
    {
        var many = string.Concat(Enumerable.Range(0, 60_000).Select(i => $"- {i}\n"));
        Assert.Equal("""{"tags":["a"],"license":"mit"}""", Read($"---\ntags: [a]\nresults:\n{many}license: mit\n---\n", out var problem));
        Assert.StartsWith("'results' is nested too deep or has too many values", problem);
        // Ten to the ninth of a billion laughs.
        var laughs = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n"
            + string.Concat(Enumerable.Range(1, 9)
                .Select(i => $"l{i}: &l{i} [{string.Join(", ", Enumerable.Repeat($"*l{i - 1}", 10))}]\n"));
        Assert.EndsWith(""","license":"mit"}""", Read($"---\n{laughs}license: mit\n---\n", out problem));
        Assert.StartsWith("'l4'", problem);
        Assert.Equal("""{"license":"mit"}""",
            Read($"---\nx: {new string('[', 50)}{new string(']', 50)}\nlicense: mit\n---\n", out problem));
        Assert.StartsWith("'x'", problem);
    }

    [Theory]
    [InlineData("license: mit\na: *nothing\n", "Line 2: nothing is called &nothing before *nothing.")]
    [InlineData("license: mit\nlicense: apache-2.0\n", "Line 2: 'license' is there twice.")]
    [InlineData("license: mit\n...\n...\n", null)]
    public void What_cannot_be_read_is_told_and_what_came_before_stays(string header, string? expected)
    {
        Assert.Equal("""{"license":"mit"}""", Read($"---\n{header}---\n", out var problem));
        Assert.Equal(expected, problem);
        if (expected is not null)
            Assert.Equal(expected, Assert.Throws<CardException>(() => CardHeader.Parse(header)).Message);
    }

    [Theory]
    [InlineData("{x: ")]
    [InlineData("[")]
    [InlineData("- ")]
    public void What_is_so_deep_that_parsing_it_would_take_forever_is_not_read_on(string open)
    {
        Assert.Equal("""{"license":"mit"}""",
            Read($"---\nlicense: mit\na:\n {string.Concat(Enumerable.Repeat(open, 100_000))}\n---\n", out var problem));
        Assert.Contains("the rest of it was not read", problem);
    }

    [Fact]
    public void What_makes_the_parser_stumble_is_told() =>
        Assert.NotNull(Record.Exception(() => CardHeader.Parse(string.Concat(Enumerable.Repeat("...\n", 1000)))) as CardException);

    [Fact]
    public void Of_a_header_that_is_too_long_the_beginning_is_read()
    {
        var readme = "---\nlicense: mit\nlong:\n"
            + string.Concat(Enumerable.Repeat("  - 0123456789012345678901234567890123456789012345678901234567890123456789\n", 20_000));
        Assert.StartsWith("""{"license":"mit",""", Read(readme[..CardHeader.MaxLength], out var problem, isCut: true));
        Assert.Contains("the rest of it was not read", problem);
    }
}
