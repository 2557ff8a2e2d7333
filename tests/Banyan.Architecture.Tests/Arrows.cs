using System.Xml.Linq;
using Banyan.Tests;

namespace Banyan.Architecture.Tests;

/// <summary>The projects point in one direction (docs/architecture.md); a new project is a row here.</summary>
public class Arrows
{
    static readonly Dictionary<string, string[]> s_allowed = new()
    {
        ["Banyan.Runtime"] = [],
        ["Banyan.Training"] = ["Banyan.Runtime"],
        ["Banyan.Evaluation"] = [],
        ["Banyan.Chunks"] = [],
        ["Banyan.Client"] = ["Banyan.Chunks"],
        ["Banyan.Server"] = ["Banyan.Chunks", "Banyan.Client", "Banyan.Runtime"],
        ["Banyan.Cli"] = ["Banyan.Client", "Banyan.Evaluation", "Banyan.Runtime", "Banyan.Server", "Banyan.Training"],
    };

    public static TheoryData<string> Projects =>
        [.. Directory.GetFiles(Path.Combine(SharedData.Repository, "src"), "*.csproj", SearchOption.AllDirectories)
            .Select(p => Path.GetFileNameWithoutExtension(p)!)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_references_what_the_design_says(string project)
    {
        Assert.True(s_allowed.TryGetValue(project, out var allowed),
            $"{project} is no project of the design: add it to docs/architecture.md and here");
        var file = XDocument.Load(Path.Combine(SharedData.Repository, "src", project, $"{project}.csproj"));
        var referenced = file.Descendants("ProjectReference")
            .Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/')));
        Assert.Equal(allowed.Order(StringComparer.Ordinal), referenced.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("Banyan.Runtime", "Microsoft.AspNetCore.App")]
    [InlineData("Banyan.Training", "Microsoft.AspNetCore.App")]
    [InlineData("Banyan.Evaluation", "Microsoft.AspNetCore.App")]
    [InlineData("Banyan.Chunks", "Microsoft.AspNetCore.App")]
    [InlineData("Banyan.Client", "Microsoft.AspNetCore.App")]
    public void A_library_knows_nothing_of_the_web_server(string project, string framework)
    {
        var path = Path.Combine(SharedData.Repository, "src", project, $"{project}.csproj");
        if (File.Exists(path))
            Assert.DoesNotContain(framework, File.ReadAllText(path));
    }

    [Fact]
    public void There_are_no_junk_drawers()
    {
        string[] drawers = ["Core", "Common", "Shared", "Utils", "Utilities", "Helpers", "Managers", "Misc"];
        var folders = Directory.GetDirectories(Path.Combine(SharedData.Repository, "src"), "*", SearchOption.AllDirectories)
            .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj") && !f.Contains($"{Path.DirectorySeparatorChar}bin"));
        Assert.DoesNotContain(folders, f => drawers.Contains(Path.GetFileName(f)));
    }
}
