using Banyan.Evaluation.Sandboxes;

namespace Banyan.Evaluation.Tasks.MultiPle;

class JavaScript : ProgramLanguage
{
    public override string Code => "js";
    public override string Title => "JavaScript";
    public override IReadOnlyList<string> Aliases => ["javascript", "node"];
    public override int Count => 161;
    public override (string Path, string Install) Tool => ("/usr/bin/node", "nodejs");
    protected override SandboxLimits Limits => base.Limits with { AddressSpaceBytes = null };
    protected override string WithTests(string solution, string tests, string lastStatement) => $"{solution}\n{tests}\n{lastStatement}\n";
    protected override string Print(string text) => $"require('node:fs').writeSync(1, '\\n{text}');";
    protected override string FalseCheck => "require('node:assert').deepEqual(1, 2);";
    protected override string Bind(string name, string expression) => $"const {name} = {expression};";

    protected override Check? Read(string line) => BlindChecks.Split(line, "assert.deepEqual(", ");", ",") is var (actual, _, expected)
        ? new(actual, expected, (value, other) =>
            $"(() => {{ try {{ assert.deepEqual({value}, {other}); return true; }} catch (e) {{ return false; }} }})()") : null;

    protected override SandboxProgram Build(string program, string variant, out string? error)
    {
        error = null;
        return Shell("exec node /program/test.js", "test.js", program);
    }
}

sealed class Php : ProgramLanguage
{
    public override string Code => "php";
    public override string Title => "PHP";
    public override IReadOnlyList<string> Aliases => [];
    public override int Count => 161;
    public override (string Path, string Install) Tool => ("/usr/bin/php", "php-cli");
    protected override string WithTests(string solution, string tests, string lastStatement) =>
        (solution.StartsWith("<?php", StringComparison.Ordinal) ? solution : "<?php\n" + solution) + $"\n{tests}\n{lastStatement}\n";
    protected override string Print(string text) => $"fwrite(STDOUT, \"\\n{text}\");";
    protected override string Name(int index) => "$" + base.Name(index);
    protected override string Bind(string name, string expression) => $"{name} = {expression};";

    protected override Check? Read(string line) =>
        BlindChecks.Split(line, "if (", ") { throw new Exception(\"Test failed!\"); }", " !== ") is var (actual, _, expected)
        ? new(actual, expected, (value, other) => $"{value} === {other}") : null;

    protected override string FalseCheck => "if (1 !== 2) { throw new Exception(\"Test failed!\"); }";

    protected override SandboxProgram Build(string program, string variant, out string? error)
    {
        error = null;
        return Shell("exec php -d display_errors=stderr -f /program/test.php", "test.php", program);
    }
}

sealed class Bash : ProgramLanguage
{
    public override string Code => "sh";
    public override string Title => "Bash";
    public override IReadOnlyList<string> Aliases => ["bash", "shell"];
    public override int Count => 158;
    public override (string Path, string Install) Tool => ("/usr/bin/bash", "bash");
    protected override string WithTests(string solution, string tests, string lastStatement) => $"{solution}\n{tests}\n{lastStatement}\n";
    protected override string Print(string text) => $"printf '\\n%s' {text}";
    protected override string FalseCheck => "[[ 1 = 2 ]]";
    protected override string Bind(string name, string expression) => $"{name}={expression} || :;";
    protected override string Report(string text) => $"printf '\\n%s\\n' {text}";
    protected override string IfElse(string condition, string yes, string no) => $"if {condition}; then {yes}; else {no}; fi;";

    protected override Check? Read(string line) => BlindChecks.Split(line, "[[ ", " ]]", " = ") is var (actual, _, expected)
        ? new(actual, expected, (value, other) => $"[[ ${value} = {other} ]]") : null;
    protected override (string, string) Nothing => ("", "set -e");

    protected override SandboxProgram Build(string program, string variant, out string? error)
    {
        error = null;
        return Shell("exec /bin/bash /program/test.sh", "test.sh", program);
    }
}
