using System.Text.Json.Nodes;
using Banyan.Runtime.Templates.Formatting;

namespace Banyan.Runtime.Templates.Tests;

/// <summary>
/// Templates that want to run long, grow without limit or read something: each ends with the limit it met, however it tries.
/// </summary>
public class HostileTemplates
{
    static readonly TemplateLimits s_limits = new() { Steps = 200_000, AllocatedBytes = 8 * 1024 * 1024, OutputCharacters = 1024 * 1024 };

    [Theory]
    // Time.
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "Steps")]
    [InlineData("{% for a in range(1000) if a in range(99999) and a < 0 %}{% endfor %}", "Steps")]
    [InlineData("{% macro m() %}{% for x in range(99) %}{{ m() }}{% endfor %}{% endmacro %}{{ m() }}", "Depth")]
    [InlineData("{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(30) }}", "Steps")]
    [InlineData("{% set l = range(3000)|list %}{% for x in l %}{% if l == l[:] and x in l %}{% endif %}{% endfor %}", "Steps")]
    [InlineData("{% set ns = namespace(a=[]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{% set ns.b = [] %}{% for i in range(60) %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}", "Steps")]
    [InlineData("{% set s = 'a' * 300000 %}{% for i in range(9999) %}{% if s.find('b') %}{% endif %}{% endfor %}", "Steps")]
    [InlineData("{% set s = 'a' * 300000 %}{% set n = 'a' * 1000 ~ 'b' ~ 'a' * 1000 %}{% for i in range(9999) %}{% if n in s %}{% endif %}{% endfor %}", "Steps")]
    [InlineData("{% set s = 'a' * 300000 %}{% for i in range(9999) %}{% if s == s ~ '' %}{% endif %}{% endfor %}", "AllocatedBytes")]
    [InlineData("{% set s = 'a' * 300000 %}{% set d = {s: 1} %}{% for i in range(9999) %}{% if s in d %}{% endif %}{% endfor %}", "Steps")]
    [InlineData("{% set s = 'a' * 300000 %}{% for i in range(9999) %}{% if s is lower %}{% endif %}{% endfor %}", "Steps")]
    [InlineData("{% set s = 'a' * 300000 %}{% for i in range(9999) %}{{ s|length }}{% endfor %}", "Steps")]
    [InlineData("{{ ('a' * 1000000).strip('b' * 999999 ~ 'a') }}", "Steps")]
    [InlineData("{{ range(9999)|sort|sort|sort|length }}", "Steps")]
    [InlineData("{{ range(99999)|slice(999999999)|list }}", "Steps")]
    [InlineData("{{ range(99999)|map('string')|map('upper')|map('lower')|join }}", "Steps")]
    [InlineData("{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}", "Depth")]
    // Memory.
    [InlineData("{{ 'a' * 999999999 }}", "AllocatedBytes")]
    [InlineData("{{ [1] * 999999999 }}", "AllocatedBytes")]
    [InlineData("{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "AllocatedBytes")]
    [InlineData("{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "AllocatedBytes")]
    [InlineData("{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "AllocatedBytes")]
    [InlineData("{{ ('a' * 10000)|replace('a', 'b' * 10000) }}", "AllocatedBytes")]
    [InlineData("{{ ('a' * 10000).replace('', 'b' * 10000) }}", "AllocatedBytes")]
    [InlineData("{{ ('b' * 10000).join('a' * 10000) }}", "AllocatedBytes")]
    [InlineData("{{ range(10000)|join('b' * 10000) }}", "AllocatedBytes")]
    [InlineData("{{ '%999999999d' % 1 }}", "AllocatedBytes")]
    [InlineData("{{ '%-*s' % (999999999, 1) }}", "AllocatedBytes")]
    [InlineData("{{ '%.999999999f' % 1 }}", "precision of a number")]
    [InlineData("{{ '{:999999999}'.format(1) }}", "AllocatedBytes")]
    [InlineData("{{ '{:.999999}'.format(1.5) }}", "precision of a number")]
    [InlineData("{{ 'a'|center(999999999) }}", "AllocatedBytes")]
    [InlineData("{{ 'a'.zfill(999999999) }}", "AllocatedBytes")]
    [InlineData("{{ 'a\tb'.expandtabs(999999999) }}", "AllocatedBytes")]
    [InlineData("{{ 'a\nb'|indent(999999999) }}", "AllocatedBytes")]
    [InlineData("{{ ('a\n' * 10000)|indent(10000) }}", "AllocatedBytes")]
    [InlineData("{{ [[]]|tojson(indent=999999999) }}", "AllocatedBytes")]
    [InlineData("{{ range(9)|batch(999999999, 'x')|list }}", "AllocatedBytes")]
    [InlineData("{{ 2 ** 999999999 }}", "bits of an integer")]
    [InlineData("{% set ns = namespace(x=10) %}{% for i in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}", "bits of an integer")]
    [InlineData("{% set ns = namespace(a='a') %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}",
        "AllocatedBytes")]
    [InlineData("{% set ns = namespace(a='a') %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a|tojson }}",
        "Steps")]
    [InlineData("{% set ns = namespace(a='a') %}{% for i in range(60) %}{% set ns.a = (ns.a, ns.a) %}{% endfor %}{{ {ns.a: 1} }}",
        "items of a dictionary key")]
    [InlineData("{% macro m() %}{{ 'a' * 100000 }}{% endmacro %}{% for i in range(999) %}{% set x = m() %}{% endfor %}", "AllocatedBytes")]
    [InlineData("{% for i in range(999) %}{{ 'a' * 9999 }}{% endfor %}", "OutputCharacters")]
    [InlineData("{{ strftime_now('%c' * 999999) }}", "AllocatedBytes")]
    [InlineData("{{ ('<' * 1000000)|e|e|e }}", "AllocatedBytes")]
    [InlineData("{{ ('a ' * 999999).split() }}", "AllocatedBytes")]
    [InlineData("{{ ('{0}' * 9999).format('a' * 9999) }}", "AllocatedBytes")]
    [InlineData("{{ ('%(a)s' * 999) % {'a': 'b' * 9999} }}", "AllocatedBytes")]
    [InlineData("{% filter replace('a', 'a' * 9999) %}{{ 'a' * 9999 }}{% endfilter %}", "AllocatedBytes")]
    // Depth.
    [InlineData("{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}", "Depth")]
    [InlineData("{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns.a }}", "Depth")]
    [InlineData("{% set ns = namespace(a=[]) %}{% for i in range(9999) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a }}", "Depth")]
    [InlineData("{% set ns = namespace(a=[], b=[]) %}{% for i in range(9999) %}{% set ns.a = [ns.a] %}{% set ns.b = [ns.b] %}{% endfor %}{{ ns.a == ns.b }}", "Depth")]
    [InlineData("{% set ns = namespace(a=[], b=[]) %}{% for i in range(9999) %}{% set ns.a = [ns.a] %}{% set ns.b = [ns.b] %}{% endfor %}{{ ns.a < ns.b }}", "Depth")]
    [InlineData("{% set ns = namespace(a=[]) %}{% for i in range(9999) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a|tojson }}", "Depth")]
    [InlineData("{% set ns = namespace(g=[1]) %}{% for i in range(9999) %}{% set ns.g = ns.g|map('abs') %}{% endfor %}{{ ns.g|list }}",
        "Depth")]
    [InlineData("{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ n() }}{% endcall %}{% endmacro %}{{ n() }}",
        "Depth")]
    public void End_within_their_limits(string template, string limit)
    {
        var error = Assert.Throws<TemplateException>(() => { ChatTemplate.Parse(template).Render([], default, s_limits, out _); });
        Assert.Equal("LimitError", error.Kind);
        Assert.Contains($"the limit {limit} = ", error.Message);
    }

    [Theory]
    [InlineData("(", ")")]
    [InlineData("[", "]")]
    [InlineData("{1:", "}")]
    [InlineData("not ", "")]
    [InlineData("-", "")]
    [InlineData("x + ", "")]
    [InlineData("x ** ", "")]
    [InlineData("x and ", "")]
    [InlineData("x if x else ", "")]
    [InlineData("f(", ")")]
    [InlineData("x is eq ", "")]
    public void Nested_expressions_are_refused_when_parsed(string open, string close)
    {
        var template = "{{ " + string.Concat(Enumerable.Repeat(open, 50_000)) + "x"
            + string.Concat(Enumerable.Repeat(close, 50_000)) + " }}";
        var error = Assert.Throws<TemplateException>(() => ChatTemplate.Parse(template));
        Assert.Equal("TemplateSyntaxError", error.Kind);
    }

    [Theory]
    [InlineData("{{ x", ".a", " }}")]
    [InlineData("{{ x", "|abs", " }}")]
    [InlineData("{{ x", "[0]", " }}")]
    [InlineData("{{ x", "()", " }}")]
    [InlineData("", "{% if x %}", "")]
    [InlineData("", "{% for x in y %}", "")]
    [InlineData("", "{% macro m() %}", "")]
    [InlineData("{% for ", "(", "")]
    public void Chains_and_nested_statements_are_refused_when_parsed(string before, string part, string after) =>
        Assert.Throws<TemplateException>(() => ChatTemplate.Parse(before + string.Concat(Enumerable.Repeat(part, 50_000)) + after));

    [Fact]
    public void A_template_of_many_megabytes_is_refused() =>
        Assert.Equal("LimitError", Assert.Throws<TemplateException>(() => ChatTemplate.Parse(new string('a', 2_000_000))).Kind);

    [Theory]
    [InlineData("{{ ''.__class__.__mro__ }}")]
    [InlineData("{{ ''['__class__']['__mro__'] }}")]
    [InlineData("{{ [].__class__.__base__.__subclasses__() }}")]
    [InlineData("{{ '{0.__class__.__mro__}'.format('') }}")]
    [InlineData("{{ ''|attr('__class__')|attr('__mro__') }}{{ (''|attr('__class__')).x }}")]
    [InlineData("{% set x = [] %}{{ x.append(1) }}")]
    [InlineData("{% set x = {} %}{{ x.update({1: 2}) }}")]
    public void What_the_sandbox_forbids_is_a_SecurityError(string template) =>
        Assert.Equal("SecurityError", Assert.Throws<TemplateException>(() => ChatTemplate.Parse(template).Render([], default)).Kind);

    [Theory]
    [InlineData("include 'x'")]
    [InlineData("import 'x' as y")]
    [InlineData("from 'x' import y")]
    [InlineData("extends 'x'")]
    public void Other_templates_cannot_be_read(string statement) =>
        Assert.Contains("needs other templates",
            Assert.Throws<TemplateException>(() => ChatTemplate.Parse("{% " + statement + " %}")).Message);

    [Fact]
    public void Half_a_surrogate_pair_in_a_message_is_a_clear_error()
    {
        var variables = JsonNode.Parse("{\"messages\": [{\"content\": \"\\ud83d\"}]}")!.AsObject();
        Assert.Contains("surrogate",
            Assert.Throws<TemplateException>(() => ChatTemplate.Parse("{{ messages }}").Render(variables, default)).Message);
    }

    [Fact]
    public void A_syntax_error_says_where()
    {
        var error = Assert.Throws<TemplateException>(() => ChatTemplate.Parse("a\n{{ b }}\n  {% if x ! %}"));
        Assert.Equal((3, 11), (error.Line, error.Column));
    }

    [Fact]
    public void A_render_error_says_in_which_line()
    {
        var error = Assert.Throws<TemplateException>(() => ChatTemplate.Parse("a\n{{ b }}\n{{ b.c }}").Render([], default));
        Assert.Equal(("UndefinedError: 'b' is undefined", 3), (error.Message, error.Line));
    }
}
