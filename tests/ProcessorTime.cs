using System.Runtime;
using System.Runtime.InteropServices;
using System.Text;
using Banyan.Tests;
using Xunit.v3;

[assembly: ProcessorTime]

namespace Banyan.Tests;

/// <summary>
/// Which test class uses how much processor time, its fixtures and child processes included: <c>./check --cpu</c> names a file in
/// <c>BANYAN_CPU_TABLE</c> and runs tests one by one. A child counts where it is reaped, so a server that a whole assembly shares
/// counts for nobody and stands in the run's total alone.
/// </summary>
[AttributeUsage(AttributeTargets.Assembly)]
sealed class ProcessorTimeAttribute : BeforeAfterTestAttribute
{
    static readonly string? Table = Environment.GetEnvironmentVariable("BANYAN_CPU_TABLE") is { Length: > 0 } table ? table : null;
    static readonly Dictionary<string, (double Seconds, int Tests)> Classes = [];
    static double _seen;

    public override void After(System.Reflection.MethodInfo methodUnderTest, IXunitTest test)
    {
        if (Table is null || !OperatingSystem.IsLinux())
            return;
        lock (Classes)
        {
            // What ran since the last test ended is this one's: its class's fixtures were made in that time.
            var now = Used(self: 0) + Used(self: -1);
            var name = methodUnderTest.ReflectedType!.FullName!;
            var (seconds, tests) = Classes.GetValueOrDefault(name);
            Classes[name] = (seconds + now - _seen, tests + 1);
            _seen = now;
            var text = new StringBuilder();
            foreach (var (type, value) in Classes.OrderByDescending(c => c.Value.Seconds))
                text.AppendLine(null, $"{value.Seconds,9:0.00} {value.Tests,6} {type}");
            text.AppendLine(null,
                $"{now,9:0.00} {Classes.Values.Sum(c => c.Tests),6} all of it, {JitInfo.GetCompilationTime().TotalSeconds:0.0} s of it to compile {JitInfo.GetCompiledMethodCount():N0} methods, {GC.GetTotalPauseDuration().TotalSeconds:0.0} s paused to collect");
            File.WriteAllText(Table, text.ToString());
        }
    }

    /// <summary>Processor seconds, user and system: of this process (0) or of its ended children (-1), as getrusage(2) says.</summary>
    static double Used(int self)
    {
        Span<long> usage = stackalloc long[18];
        return getrusage(self, ref MemoryMarshal.GetReference(usage)) == 0 ? usage[0] + usage[2] + (usage[1] + usage[3]) / 1e6 : 0;
    }

    [DllImport("libc")]
    static extern int getrusage(int who, ref long usage);
}
