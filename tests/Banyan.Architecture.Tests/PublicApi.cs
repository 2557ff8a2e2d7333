using System.Reflection;
using System.Text;
using Banyan.Tests;

namespace Banyan.Architecture.Tests;

/// <summary>
/// The public surface of each library is a checked-in file, so that a change of it is a visible diff.
/// <c>BANYAN_ACCEPT_API=1 ./check</c> writes the new surface.
/// </summary>
public class PublicApi
{
    public static TheoryData<string> Libraries =>
        [.. new[] { "Banyan.Runtime", "Banyan.Training", "Banyan.Evaluation", "Banyan.Chunks", "Banyan.Client" }
        .Where(l => File.Exists(Path.Combine(SharedData.Repository, "src", l, $"{l}.csproj")))];

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Is_the_checked_in_one(string library)
    {
        var actual = Describe(Assembly.Load(library));
        var file = Path.Combine(SharedData.Repository, "src", library, "PublicApi.txt");
        if (Environment.GetEnvironmentVariable("BANYAN_ACCEPT_API") == "1")
            File.WriteAllText(file, actual);
        Assert.Equal(File.ReadAllText(file).ReplaceLineEndings("\n"), actual);
    }

    static string Describe(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (var type in assembly.GetExportedTypes().OrderBy(t => t.FullName, StringComparer.Ordinal))
        {
            text.Append(Kind(type)).Append(' ').Append(type.FullName);
            var bases = type.GetInterfaces().Where(i => i.IsPublic).Select(Name).Order(StringComparer.Ordinal).ToList();
            if (type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType) && parent != typeof(Enum))
                bases.Insert(0, Name(parent));
            text.AppendLine(bases.Count == 0 ? "" : " : " + string.Join(", ", bases));
            foreach (var member in type.GetMembers(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance
                | BindingFlags.Static | BindingFlags.DeclaredOnly)
                .Select(Member).OfType<string>().Distinct().Order(StringComparer.Ordinal))
                text.Append("    ").AppendLine(member);
        }
        return text.ToString().ReplaceLineEndings("\n");
    }

    static string Kind(Type type) =>
        type.IsEnum ? "enum" : type.IsInterface ? "interface" : typeof(Delegate).IsAssignableFrom(type) ? "delegate"
        : (type.IsAbstract && type.IsSealed ? "static " : type.IsAbstract ? "abstract "
            : type.IsSealed && !type.IsValueType ? "sealed " : "")
        + (type.IsValueType ? "struct" : "class");

    static string? Member(MemberInfo member) => member switch
    {
        FieldInfo { IsPublic: true } f when f.DeclaringType!.IsEnum => f.IsLiteral ? $"{f.Name} = {f.GetRawConstantValue()}" : null,
        FieldInfo f when f.IsPublic || f.IsFamily => $"{(f.IsStatic ? "static " : "")}{Name(f.FieldType)} {f.Name}",
        ConstructorInfo c when !c.IsStatic && (c.IsPublic || c.IsFamily) => $"new({Parameters(c)})",
        // A record's compiler-made members say nothing that its constructor and properties do not.
        MethodInfo m when m.Name is "<Clone>$" or "PrintMembers" or "Deconstruct" or "GetHashCode" or "ToString" or "Equals"
            or "op_Equality" or "op_Inequality" => null,
        MethodInfo m when (m.IsPublic || m.IsFamily) && !m.IsSpecialName =>
            $"{(m.IsStatic ? "static " : m.IsAbstract ? "abstract " : "")}{Name(m.ReturnType)} {m.Name}({Parameters(m)})",
        PropertyInfo p when p.Name == "EqualityContract" => null,
        PropertyInfo p when Accessors(p) is { Length: > 0 } accessors =>
            $"{(p.GetAccessors(true)[0].IsStatic ? "static " : "")}{Name(p.PropertyType)} {p.Name} {{ {accessors} }}",
        EventInfo e when e.AddMethod is { IsPublic: true } => $"event {Name(e.EventHandlerType!)} {e.Name}",
        _ => null,
    };

    static string Accessors(PropertyInfo property) => string.Join(" ", new[]
    {
        property.GetMethod is { } g && (g.IsPublic || g.IsFamily) ? "get;" : null,
        property.SetMethod is { } s && (s.IsPublic || s.IsFamily)
            ? s.ReturnParameter.GetRequiredCustomModifiers().Any(m => m.Name == "IsExternalInit") ? "init;" : "set;" : null,
    }.OfType<string>());

    static string Parameters(MethodBase method) =>
        string.Join(", ", method.GetParameters().Select(p => $"{Name(p.ParameterType)} {p.Name}{(p.IsOptional ? " = …" : "")}"));

    static string Name(Type type)
    {
        if (type.IsByRef)
            return "ref " + Name(type.GetElementType()!);
        if (type.IsArray)
            return Name(type.GetElementType()!) + "[]";
        if (Nullable.GetUnderlyingType(type) is { } underlying)
            return Name(underlying) + "?";
        if (!type.IsGenericType)
            return type.Namespace is "System" ? type.Name : type.FullName is { } full
                && full.StartsWith("Banyan.", StringComparison.Ordinal) ? type.Name : type.FullName ?? type.Name;
        return $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>";
    }
}
