using Banyan.Evaluation.Sandboxes;

namespace Banyan.Evaluation.Tasks.MultiPle;

sealed class JavaScript : ProgramLanguage
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

    protected override SandboxProgram Build(string program, string variant, out string? error)
    {
        error = null;
        return Shell("exec node /work/test.js", "test.js", program);
    }
}

/// <summary>TypeScript as its makers check it: it must type-check as ES2015 or as the compiler's default.</summary>
sealed class TypeScript : ProgramLanguage
{
    const string Compiler = "/usr/lib/node_modules/typescript/bin/tsc", LocalCompiler = "/usr/local/lib/node_modules/typescript/bin/tsc";

    public override string Code => "ts";
    public override string Title => "TypeScript";
    public override IReadOnlyList<string> Aliases => ["typescript"];
    public override int Count => 159;
    public override (string Path, string Install) Tool => (File.Exists(LocalCompiler) ? LocalCompiler : Compiler, "nodejs and npm, then npm install -g typescript@5.6.3");
    protected override IReadOnlyList<string> Variants => ["--target ES2015 --lib ES2015,DOM", ""];
    protected override SandboxLimits Limits => base.Limits with { CpuSeconds = 40, AddressSpaceBytes = null };
    protected override string WithTests(string solution, string tests, string lastStatement) => $"{solution}\n{tests}\n{lastStatement}\n";
    protected override string Print(string text) => $"require('node:fs').writeSync(1, '\\n{text}');";
    protected override string FalseCheck => "require('node:assert').deepEqual(1, 2);";

    protected override SandboxProgram Build(string program, string variant, out string? error)
    {
        error = null;
        return Shell($"node {Tool.Path} /work/test.ts --outDir /tmp {variant} >&2 && exec node /tmp/test.js", "test.ts", program);
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
    protected override string FalseCheck => "if (1 !== 2) { throw new Exception(\"Test failed!\"); }";

    protected override SandboxProgram Build(string program, string variant, out string? error)
    {
        error = null;
        return Shell("exec php -d display_errors=stderr -f /work/test.php", "test.php", program);
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

    protected override SandboxProgram Build(string program, string variant, out string? error)
    {
        error = null;
        return Shell("exec /bin/bash /work/test.sh", "test.sh", program);
    }
}
