using System.Text;
using System.Text.RegularExpressions;
using Banyan.Evaluation.Sandboxes;

namespace Banyan.Evaluation.Tasks.MultiPle;

sealed class Cpp : ProgramLanguage
{
    /// <summary>Headers added to every program, as in MultiPL-E's harness.</summary>
    static readonly string s_headers = string.Join('\n',
        ((string[])["stdlib.h", "algorithm", "math.h", "stdio.h", "vector", "string", "climits", "cstring", "iostream", "cassert"]).Select(
            h => $"#include<{h}>")) + "\n\n";

    public override string Code => "cpp";
    public override string Title => "C++";
    public override string Fence => "cpp";
    public override IReadOnlyList<string> Aliases => ["c++", "cplusplus"];
    public override int Count => 161;
    public override (string Path, string Install) Tool => ("/usr/bin/g++", "g++");
    protected override SandboxLimits Limits => base.Limits with { CpuSeconds = 40 };
    protected override string WithTests(string solution, string tests, string lastStatement) =>
        $"{s_headers}{solution}\n{BeforeBrace(tests, 1, lastStatement)}\n";
    protected override string Print(string text) => $"::printf(\"\\n{text}\"); ::fflush(stdout);";
    protected override string FalseCheck => "assert(1 == 2);";
    protected override string Bind(string name, string expression) => $"auto&& {name} = {expression};";

    protected override Check? Read(string line) => BlindChecks.Split(line, "assert(", ");", " == ") is var (actual, _, expected)
        ? new(actual, expected, (value, other) => $"{value} == {other}") : null;
    protected override (string, string) Nothing => ("", "int main() {\n}\n");

    protected override SandboxProgram Build(string program, string variant, out string? error)
    {
        error = null;
        return Shell("g++ -std=c++17 -o $TMPDIR/test /program/test.cpp && exec $TMPDIR/test", "test.cpp", program);
    }
}

/// <summary>Java. The prompts import the library org.javatuples; the items need only its pair, which is provided here.</summary>
sealed partial class Java : ProgramLanguage
{
    static readonly byte[] s_pair = Encoding.UTF8.GetBytes("""
        package org.javatuples;
        import java.util.Objects;
        public final class Pair<A, B> implements Comparable<Pair<A, B>> {
            private final A first;
            private final B second;
            public Pair(A first, B second) { this.first = first; this.second = second; }
            public static <A, B> Pair<A, B> with(A first, B second) { return new Pair<>(first, second); }
            public A getValue0() { return first; }
            public B getValue1() { return second; }
            public <X> Pair<X, B> setAt0(X value) { return new Pair<>(value, second); }
            public <X> Pair<A, X> setAt1(X value) { return new Pair<>(first, value); }
            @Override public boolean equals(Object other) {
                return other instanceof Pair<?, ?> that && Objects.equals(first, that.first) && Objects.equals(second, that.second);
            }
            @Override public int hashCode() { return Objects.hash(first, second); }
            @Override public String toString() { return "[" + first + ", " + second + "]"; }
            @Override @SuppressWarnings("unchecked") public int compareTo(Pair<A, B> other) {
                int order = ((Comparable<Object>) first).compareTo(other.first);
                return order != 0 ? order : ((Comparable<Object>) second).compareTo(other.second);
            }
        }
        """);

    public override string Code => "java";
    public override string Title => "Java";
    public override IReadOnlyList<string> Aliases => [];
    public override int Count => 158;
    public override (string Path, string Install) Tool => ("/usr/bin/javac", "default-jdk-headless");
    protected override SandboxLimits Limits => base.Limits with { CpuSeconds = 60, AddressSpaceBytes = null, Processes = 128 };
    protected override string WithTests(string solution, string tests, string lastStatement) =>
        $"{solution}\n{BeforeBrace(tests, 2, lastStatement)}\n";
    protected override string Print(string text) => $"System.out.print(\"\\n{text}\"); System.out.flush();";
    protected override string FalseCheck => "assert((1L) == (2L));";

    protected override Check? Read(string line) => BlindChecks.Split(line, "assert(", ");", " == ") is var (actual, _, expected)
        ? new(actual, expected, (value, other) => $"{value} == {other}")
        : BlindChecks.Split(line, "assert(", "));", ".equals(") is var (compared, _, with)
        ? new(compared, with, (value, other) => $"{value}.equals({other})") : null;
    protected override (string, string) Nothing => ("class Problem {\n", "    public static void main(String[] args) {\n    }\n}\n");

    protected override SandboxProgram Build(string program, string variant, out string? error)
    {
        error = null;
        var usesPairs = Tuples().IsMatch(program);
        var source = usesPairs ? program : program.Replace("import org.javatuples.*;", "", StringComparison.Ordinal);
        const string Small = "-J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1 -J-Xshare:auto -J-Xmx512m";
        var compile = $"javac {Small} -nowarn -d $TMPDIR {(usesPairs ? "/program/Pair.java " : "")}/program/Problem.java";
        return new()
        {
            Command =
                ["/bin/sh", "-c",
                    $"{compile} && exec java -ea -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto -Xmx1g -cp $TMPDIR Problem"],
            Files = new Dictionary<string, ReadOnlyMemory<byte>>
            {
                ["Problem.java"] = Encoding.UTF8.GetBytes(source),
                ["Pair.java"] = s_pair
            },
        };
    }

    [GeneratedRegex(@"\b(Pair|Triplet|Quartet|Quintet|Tuple)\b")]
    private static partial Regex Tuples();
}
